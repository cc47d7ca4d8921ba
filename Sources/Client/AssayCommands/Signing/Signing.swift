import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// Signs with a key, or by a command, away from the threads that serve tasks; a cancellation ends the command.
struct Signing: Sendable {
    let signer: any MessageSigner
    let client: AssayClient

    /// The files of a manifest that are worth a signature: every client gets these and no others, and they are there.
    ///
    /// Throws `manifest-invalid`, `manifest-ambiguous`, `path-unsafe`.
    func files(of manifest: Manifest, in repository: RepositoryName) async throws -> [VersionFile] {
        let files = try ManifestReading(manifest).unambiguousFiles()
        // A registry takes manifests without content of such types, and of no others.
        for layer in manifest.layers where MediaType.isNonDistributable(layer.mediaType) {
            guard try await client.hasBlob(layer.digest, in: repository) else {
                throw AssayError(
                    .manifestAmbiguous, "the bytes of \(layer.digest) are not in the registry",
                    reason: "clients would look for them elsewhere", remedy: "push them, then sign")
            }
        }
        return files
    }

    /// The bytes of a signature file over files. Throws as `ModelSignature.sign`.
    func sign(_ files: [VersionFile], name: String) async throws -> [UInt8] {
        try await run { try ModelSignature.sign(files, name: name, key: signer) }
    }

    /// A valid signature of this signer over just these files that the version has already; nil if it has none. One
    /// that the registry recorded when it did not count the key is none.
    func earlierSignature(over files: [VersionFile], of version: Reference) async throws -> AttestationResponse? {
        let key = try await client.keys().items.first { $0.id == signer.publicKey.id }
        for item in try await client.attestations(of: version).items
        where item.artifactType == MediaType.sigstoreBundle && (key?.isValid(at: item.createdAt) ?? true) {
            // What cannot be read, or is not by this key over these files, is no signature of this signer.
            guard
                let bytes = try await client.attachedContent(
                    item.envelopeDigest, in: version.repository, bytesMax: ModelSignature.bytesMax),
                let signature = try? ModelSignature(parsing: bytes),
                (try? signature.verify(trusted: [signer.publicKey])) != nil, (try? signature.check(files)) != nil
            else { continue }
            return item
        }
        return nil
    }

    /// Why a signature of this signer counts for nothing by what the registry trusts now; nil if it counts. `roles` are
    /// those of keys that may say it.
    func uncounted(
        in repository: RepositoryName, as roles: [TrustedKey.Role] = [.release]
    ) async throws -> String? {
        let id = signer.publicKey.id
        guard let key = try await client.keys().items.first(where: { $0.id == id }) else {
            return "the registry does not trust key \(id.prefix(12)), so its signature does not count there until "
                + "somebody does: assay key trust FILE"
        }
        let fault: String? =
            if let refusal = key.refusal(at: .now) {
                refusal.reason
            } else if !roles.contains(key.role) {
                "key \(id.prefix(12)) is trusted as a \(key.role.rawValue) key"
            } else if !key.covers(repository) {
                "key \(id.prefix(12)) does not speak for \(repository)"
            } else {
                nil
            }
        return fault.map { "the signature does not count for the registry: \(Printable.escape($0))" }
    }

    /// A statement as this signer says it of a version.
    enum Said: Sendable {
        /// An envelope that is to be attached.
        case now([UInt8])
        /// It is attached already: the same words, with a valid signature by the same key.
        case before(AttestationResponse)
    }

    /// Signs a statement about a version, unless the signer said just that of it before.
    ///
    /// A registry cannot know it of a key that it does not trust: signatures of the same words by the same key differ,
    /// and anybody can write a key's id beside a false one.
    func say(_ statement: Statement, of version: Reference) async throws -> Said {
        if let known = try await earlier(statement, of: version) { return .before(known) }
        return .now(try await run { try statement.signed(by: signer) })
    }

    /// Signs a statement and attaches it to a version that is there, unless it is attached already.
    func attach(_ statement: Statement, to version: Reference) async throws -> AttestationResponse {
        switch try await say(statement, of: version) {
        case .before(let attestation): return attestation
        case .now(let envelope):
            let attested = try await client.attest(
                AttestRequest(reference: version, envelope: String(decoding: envelope, as: UTF8.self)))
            try AnswerCheck.demand(
                attested.predicateType == statement.predicateType, asked: statement.predicateType,
                answered: attested.predicateType ?? "nothing")
            return attested
        }
    }

    private func earlier(_ statement: Statement, of version: Reference) async throws -> AttestationResponse? {
        let payload = try statement.encoded()
        let items: [AttestationResponse]
        do {
            items = try await client.attestations(of: version).items
        } catch let error as AssayError where error.code.kind == .notFound {
            return nil  // The version is only about to be pushed.
        }
        for item in items where item.predicateType == statement.predicateType {
            // What cannot be read, or is not by this key, is not what was said.
            guard
                let bytes = try await client.attachedContent(
                    item.envelopeDigest, in: version.repository, bytesMax: DSSEEnvelope.bytesMax),
                let envelope = try? DSSEEnvelope(parsing: bytes), envelope.payload == payload,
                envelope.payloadType == MediaType.inToto,
                (try? envelope.verify(trusted: [signer.publicKey])) != nil
            else { continue }
            return item
        }
        return nil
    }

    private func run(_ work: @escaping @Sendable () throws -> [UInt8]) async throws -> [UInt8] {
        try await withTaskCancellationHandler {
            try await client.files.run(work)
        } onCancel: {
            (signer as? ExternalSigner)?.stop()
        }
    }
}
