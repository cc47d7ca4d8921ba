package import AssayCrypto
package import AssayDomain
package import AssayRegistry

/// Evidence in the standard forms: OpenSSF model signatures and DSSE envelopes, attached as OCI referrers.
package struct SignedEvidence: EvidenceFormat {
    private let key: PrivateKey

    /// Signs statements of its own with the registry's key.
    package init(key: PrivateKey) { self.key = key }

    package func digest(of bytes: [UInt8]) -> Digest { Digest.sha256(of: bytes) }

    package func digest(of bytes: [UInt8], algorithm: Digest.Algorithm) -> Digest {
        Digest.of(bytes, algorithm: algorithm)
    }

    package func files(of manifest: Manifest) throws -> [VersionFile] { try ModelPack.files(of: manifest) }

    package func checkForm(ofModelSignature bundle: [UInt8], over files: [VersionFile]) throws {
        try ModelSignature(parsing: bundle).check(files)
    }

    package func signer(
        ofModelSignature bundle: [UInt8], over files: [VersionFile], trusted: [TrustedKey]
    ) throws -> String {
        let signature = try ModelSignature(parsing: bundle)
        let key = try signature.verify(trusted: try publicKeys(trusted))
        try signature.check(files)
        return key.id
    }

    package func signatureReferrer(bundle: BlobRecord, subject: Descriptor) throws -> [UInt8] {
        try Referrer.signature(bundle, subject: subject)
    }

    package func signStatement(
        predicateType: String, predicate: [UInt8], subject: Digest, name: String
    ) throws -> [UInt8] {
        let statement = Statement(
            subjects: [.init(name: name, digest: subject)], predicateType: predicateType, predicate: predicate)
        return try DSSEEnvelope(signing: statement.encoded(), type: MediaType.inToto, key: key).encoded()
    }

    package func attestationReferrer(
        envelope: BlobRecord, predicateType: String, subject: Descriptor
    ) throws -> [UInt8] {
        try Referrer.attestation(envelope, predicateType: predicateType, subject: subject)
    }

    package func openStatement(_ envelope: [UInt8], trusted: [TrustedKey]) throws -> VerifiedStatement {
        let envelope = try DSSEEnvelope(parsing: envelope)
        _ = try envelope.verify(trusted: try publicKeys(trusted))
        guard envelope.payloadType == MediaType.inToto else {
            throw SignedJSON.invalid(
                "the envelope holds no statement", reason: Printable.quote(envelope.payloadType))
        }
        let statement = try Statement(parsing: envelope.payload)
        return VerifiedStatement(
            predicateType: statement.predicateType, subjects: statement.subjects.map(\.digest),
            predicate: statement.predicate)
    }

    package func keyID(ofPEM pem: String) throws -> (id: String, pem: String) {
        let key = try PublicKey(pem: pem)
        return (key.id, key.pem)
    }

    private func publicKeys(_ keys: [TrustedKey]) throws -> [PublicKey] { try keys.map { try PublicKey(pem: $0.pem) } }
}
