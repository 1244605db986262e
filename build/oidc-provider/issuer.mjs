// The issuer: oidc-provider with one confidential client, whose access tokens are JWTs for the quickstart's gateway.
//
// Usage: node issuer.mjs ISSUER AUDIENCE PORT_FILE
// It listens on a free port of 127.0.0.1 and writes that to PORT_FILE. Two requests beside the provider's own:
//   POST /test/rotate  a new signing key; the ones before stay published
//   POST /test/retire  only the signing key stays published

import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

const [issuer, audience, portFile] = process.argv.slice(2);

async function newKey() {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: "ES256", use: "sig" };
}

// A provider's keys are fixed when it is made, so a rotation makes another one.
function provider(keys) {
  const made = new Provider(issuer, {
    jwks: { keys },
    ttl: { ClientCredentials: 300 },
    clients: [{
      client_id: "coder-7",
      client_secret: "for-tests-only",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_post",
      id_token_signed_response_alg: "ES256",
    }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    extraTokenClaims: () => ({
      teams: ["payments"],
      autonomous: true,
      task: { id: "T-1", started_at: Math.floor(Date.now() / 1000) - 60 },
    }),
  });
  made.proxy = true;
  return made.callback();
}

// The signing key comes first.
let keys = [await newKey()];
let current = provider(keys);

const server = createServer(async (request, response) => {
  if (request.method === "POST" && request.url.startsWith("/test/")) {
    keys = request.url === "/test/rotate" ? [await newKey(), ...keys] : keys.slice(0, 1);
    current = provider(keys);
    response.writeHead(204).end();
    return;
  }
  current(request, response);
});
server.listen(0, "127.0.0.1", () => {
  writeFileSync(`${portFile}.new`, String(server.address().port));
  renameSync(`${portFile}.new`, portFile);
});
