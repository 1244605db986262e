// npm's oidc-provider as an issuer for agents: one confidential client, which is the agent, and JWT access tokens.

import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

// The provider warns on standard output, which is for answers.
console.info = console.warn = console.error;

/// A new signing key, private, as a JWK.
export async function newSigningKey() {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

/// The provider. `client` has an id and a secret; with this grant, a token's subject is the client's id. `claims` makes what
/// tokens say besides.
export function agentProvider({ issuer, audience, client, claims, keys }) {
    const provider = new Provider(issuer, {
        jwks: { keys },
        ttl: { ClientCredentials: 300 },
        clients: [{
            client_id: client.id,
            client_secret: client.secret,
            grant_types: ['client_credentials'],
            redirect_uris: [],
            response_types: [],
            token_endpoint_auth_method: 'client_secret_post',
            id_token_signed_response_alg: 'ES256',
        }],
        features: {
            clientCredentials: { enabled: true },
            devInteractions: { enabled: false },
            dPoP: { enabled: true },
            resourceIndicators: {
                enabled: true,
                defaultResource: () => audience,
                useGrantedResource: () => true,
                getResourceServerInfo: () => ({
                    audience,
                    scope: '',
                    accessTokenFormat: 'jwt',
                    accessTokenTTL: 300,
                    jwt: { sign: { alg: 'ES256' } },
                }),
            },
        },
        extraTokenClaims: claims,
    });
    // As behind a proxy: where requests say that they came is believed.
    provider.proxy = true;
    return provider;
}
