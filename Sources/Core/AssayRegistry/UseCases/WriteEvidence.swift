import AssayDomain

/// Signs and stores what the registry says of a version, and makes the referrers that hang evidence on a manifest.
///
/// The bytes are durable when a method returns; the attachment still has to go into the index with what it belongs to.
struct WriteEvidence: Sendable {
    let blobs: any BlobStore
    let evidence: any EvidenceFormat

    /// Signs a statement about a version with the registry's key. `predicate` is JSON.
    func attest(
        _ predicate: [UInt8], as predicateType: String, about manifest: Manifest, name: String
    ) async throws -> (envelope: Digest, attachment: Attachment) {
        let envelope = try evidence.signStatement(
            predicateType: predicateType, predicate: predicate, subject: manifest.digest, name: name)
        let record = BlobRecord(digest: evidence.digest(of: envelope), size: Int64(envelope.count))
        // Both are flushed together: a promotion waits for them.
        async let stored: Void = blobs.put(envelope, as: record.digest)
        let referrer = try evidence.attestationReferrer(
            envelope: record, predicateType: predicateType, subject: manifest.descriptor)
        let attachment = try await attachment(of: record, by: referrer)
        try await stored
        return (record.digest, attachment)
    }

    /// Hangs an envelope that somebody else made on a manifest; the caller has checked its form.
    func attach(envelope: [UInt8], of predicateType: String, to manifest: Manifest) async throws -> Attachment {
        let record = try await store(envelope)
        return try await attachment(
            of: record,
            by: try evidence.attestationReferrer(
                envelope: record, predicateType: predicateType, subject: manifest.descriptor))
    }

    /// Hangs a document that is no signed statement on a manifest.
    func attach(
        document: [UInt8], type: String, annotations: [String: String] = [:], to manifest: Manifest
    ) async throws -> Attachment {
        let record = try await store(document)
        return try await attachment(
            of: record,
            by: try evidence.documentReferrer(
                record, type: type, annotations: annotations, subject: manifest.descriptor))
    }

    /// Hangs a model signature that somebody else made on a manifest; the caller has checked its form.
    func attach(modelSignature bundle: [UInt8], to manifest: Manifest) async throws -> Attachment {
        let record = try await store(bundle)
        return try await attachment(
            of: record, by: try evidence.signatureReferrer(bundle: record, subject: manifest.descriptor))
    }

    /// The config of a referrer is the empty object, stored along with it.
    private func attachment(of record: BlobRecord, by referrer: [UInt8]) async throws -> Attachment {
        let empty = try await store(Array("{}".utf8))
        let manifest = try Manifest(
            parsing: referrer, digest: evidence.digest(of: referrer), contentType: MediaType.imageManifest)
        return Attachment(blobs: [record, empty], referrer: manifest)
    }

    private func store(_ bytes: [UInt8]) async throws -> BlobRecord {
        let record = BlobRecord(digest: evidence.digest(of: bytes), size: Int64(bytes.count))
        try await blobs.put(bytes, as: record.digest)
        return record
    }
}
