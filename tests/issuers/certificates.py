"""Makes certificates for mutual TLS, by PyPI's cryptography: certificates.py FOLDER

Writes ca.pem, server.pem and server.key, and for each client NAME.pem and NAME.key: `good` and `other`, from the
authority; `expired`, from the authority, of yesterday; `forged`, which says the same as `good` and signed itself. Prints
{"NAME": the thumbprint that a token is bound to (RFC 8705, section 3.1)}.
"""

import base64
import datetime
import hashlib
import ipaddress
import json
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FOLDER = pathlib.Path(sys.argv[1])
NOW = datetime.datetime.now(datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, start=NOW - HOUR, end=NOW + HOUR, authority=False):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def write(file, made, key):
    (FOLDER / f"{file}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (FOLDER / f"{file}.key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


FOLDER.mkdir(exist_ok=True)
authority = new_key()
write("ca", certificate("authority", authority, "authority", authority, authority=True), authority)
server = new_key()
write("server", certificate("gateway", server, "authority", authority), server)
thumbprints = {}
for client, validity in [("good", {}), ("other", {}), ("expired", {"start": NOW - 48 * HOUR, "end": NOW - 24 * HOUR})]:
    key = new_key()
    thumbprints[client] = write(client, certificate("agent", key, "authority", authority, **validity), key)
key = new_key()
thumbprints["forged"] = write("forged", certificate("agent", key, "authority", key), key)
print(json.dumps(thumbprints))
