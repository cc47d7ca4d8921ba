"""Authorities and signers of certificate mode, and signatures that the model_signing tool makes with them."""

import datetime
import subprocess
import sys
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TOOL_SECONDS = 60
DAY = datetime.timedelta(days=1)
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def now():
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


@dataclass
class Entity:
    """A name with a key and a certificate; who is not issued by another issues itself."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self):
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def issue(name, issuer=None, is_authority=False, start=-DAY, end=DAY, curve=ec.SECP256R1):
    """A new entity whose certificate counts from `start` to `end`, as seen from now."""
    key = ec.generate_private_key(curve())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = {"key_cert_sign", "crl_sign"} if is_authority else {"digital_signature"}
    public = key.public_key()
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.name if issuer else subject)
        .public_key(public).serial_number(x509.random_serial_number())
        .not_valid_before(now() + start).not_valid_after(now() + end)
        .add_extension(x509.BasicConstraints(is_authority, None), True)
        .add_extension(x509.KeyUsage(**{each: each in usage for each in USAGES}), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False))
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
    return Entity(subject, key, builder.sign(signer, hashes.SHA256()))


def sign(model, signer, chain, folder):
    """The signature of a model's folder by the model_signing tool, in certificate mode."""
    folder.mkdir(exist_ok=True)
    (folder / "key.pem").write_bytes(signer.key_pem)
    (folder / "leaf.pem").write_bytes(signer.pem)
    (folder / "chain.pem").write_bytes(b"".join(entity.pem for entity in chain))
    outcome = subprocess.run(
        [sys.executable, "-m", "model_signing", "sign", "certificate", model, "--signature", folder / "model.sig",
         "--private_key", folder / "key.pem", "--signing_certificate", folder / "leaf.pem",
         "--certificate_chain", folder / "chain.pem"],
        capture_output=True, text=True, timeout=TOOL_SECONDS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return (folder / "model.sig").read_text()
