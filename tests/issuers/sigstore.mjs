// Verifies a file by a Sigstore bundle and a public key, with Sigstore's own library, as `cosign verify-blob --key --bundle` does
// with `--insecure-ignore-tlog`: the signature counts, and nothing else is there.
// Usage: node sigstore.mjs BUNDLE PEM FILE. Exits with 0 if the signature is good, with 1 and the reason if not.

import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const [bundleFile, keyFile, file] = process.argv.slice(2);
const noAuthorities = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };

/// The key, if it is the one that the bundle hints at, named as cosign names keys.
function named(hint) {
    const publicKey = createPublicKey(readFileSync(keyFile));
    const name = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
    if (hint !== name) throw new Error(`the bundle names ${hint}, the key is ${name}`);
    return { publicKey, validFor: () => true };
}

try {
    const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
    const verifier = new Verifier(toTrustMaterial(noAuthorities, named), thresholds);
    const bundle = bundleFromJSON(JSON.parse(readFileSync(bundleFile, 'utf8')));
    verifier.verify(toSignedEntity(bundle, readFileSync(file)));
} catch (error) {
    console.error(`${error.code ?? error.name}: ${error.message}`);
    process.exit(1);
}
