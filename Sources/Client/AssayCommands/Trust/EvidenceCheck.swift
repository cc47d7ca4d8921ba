import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

extension Manifest {
    /// The type of the signed evidence that a referrer carries; nil if it carries none.
    var evidenceType: String? {
        ([MediaType.sigstoreBundle] + MediaType.envelopes).first { $0 == effectiveArtifactType }
    }
}

/// Checks evidence with a trust root, the same way wherever the bytes come from.
struct EvidenceCheck: Sendable {
    /// For which keys must be allowed to speak; nil if nobody says which it is.
    let repository: RepositoryName?
    let manifest: Manifest
    let files: [VersionFile]
    let root: TrustRoot
    /// The time at which keys and certificates must count.
    let time: Timestamp

    init(repository: RepositoryName?, manifest: Manifest, root: TrustRoot, time: Timestamp) throws(AssayError) {
        self.repository = repository
        self.manifest = manifest
        files = try ModelPack.files(of: manifest)
        self.root = root
        self.time = time
    }

    /// Checks a signature file or an envelope.
    func check(
        _ bytes: [UInt8], artifactType: String, manifestDigest: Digest, createdAt: Timestamp? = nil
    ) -> CheckedEvidence {
        let foreign = Self.foreignBundle(bytes, artifactType: artifactType)
        let isSignature = artifactType == MediaType.sigstoreBundle && foreign == nil
        let said = isSignature ? nil : statement(foreign?.envelope ?? bytes)
        let type = isSignature ? PredicateType.modelSignature : foreign?.predicateType ?? said?.predicateType ?? ""
        let word = said.map { StatementWord.of($0.predicate, type: $0.predicateType, subject: manifest.digest) }
        func result(_ status: CheckedEvidence.Status, _ signer: TrustedKey? = nil, _ fault: String? = nil)
            -> CheckedEvidence
        {
            CheckedEvidence(
                manifestDigest: manifestDigest, predicateType: type, envelopeDigest: .sha256(of: bytes),
                status: status, signer: signer?.id, role: signer?.role, fault: fault, createdAt: createdAt,
                result: word?.result, alias: word?.alias)
        }
        do {
            return result(.valid, isSignature ? try signer(of: bytes) : try opened(foreign?.envelope ?? bytes).signer)
        } catch let error as AssayError {
            return result(
                // What a bundle of another kind says is somebody else's matter, also where it is not read here.
                foreign != nil || [.untrustedKey, .expired].contains(error.code) ? .untrusted : .invalid, nil,
                error.reason.map { "\(error.message): \($0)" } ?? error.message)
        } catch {
            return result(.invalid, nil, "it cannot be checked")
        }
    }

    /// A sigstore bundle that is no signature of a model: a statement of another kind, or none.
    static func foreignBundle(_ bytes: [UInt8], artifactType: String) -> SigstoreBundle? {
        guard artifactType == MediaType.sigstoreBundle, let bundle = SigstoreBundle(reading: bytes) else { return nil }
        return bundle.isModelSignature ? nil : bundle
    }

    /// The release key that signed exactly the version's files. Throws as `TrustedSigners.signer`.
    func signer(of bundle: [UInt8]) throws -> TrustedKey {
        try TrustedSigners(
            root.keys(.release, for: repository, at: time), revoked: root.revoked,
            outOfTime: root.outOfTime(.release, for: repository, at: time)
        ).signer(of: bundle, over: files, at: time)
    }

    /// The statement about the version in an envelope, and who signed it. Throws as `TrustedSigners.open`.
    func opened(_ envelope: [UInt8]) throws -> (statement: Statement, signer: TrustedKey) {
        // The first role in which a key counts is told; a key that a file names by itself has several.
        let ofRegistry = PredicateType.ofRegistry.union([PredicateType.bill])
        let isOfRegistry = statement(envelope).map { ofRegistry.contains($0.predicateType) } ?? false
        let roles: [TrustedKey.Role] =
            isOfRegistry
            ? [.registry, .training, .release, .evaluation] : [.release, .training, .registry, .evaluation]
        let signers = try TrustedSigners(
            roles.flatMap { root.keys($0, for: repository, at: time) }, revoked: root.revoked,
            outOfTime: roles.flatMap { root.outOfTime($0, for: repository, at: time) })
        let opened = try signers.open(envelope, at: time)
        guard opened.statement.subjects.contains(where: { $0.digest == manifest.digest }) else {
            throw AssayError(.signatureInvalid, "the statement is of something else")
        }
        if PredicateType.ofRegistry.contains(opened.statement.predicateType), opened.signer.role != .registry {
            throw AssayError(.untrustedKey, "only a registry may say this", reason: "the key is no registry's")
        }
        return opened
    }

    /// What ties the manifest to its files. `config` are the bytes of its config where it can be of a plain form;
    /// `envelopes` may come from anybody, and only what a release key signed in them binds.
    func binding(config: [UInt8]?, envelopes: [[UInt8]]) -> ManifestBinding {
        ManifestReading.binding(
            of: manifest, config: config, statements: envelopes.compactMap(bindingStatement))
    }

    /// Throws `manifest-ambiguous` for a manifest of which clients could make other files, and `manifest-unbound`
    /// unless it is of a plain form, or a release key signed it with its files.
    func require(_ binding: ManifestBinding) throws(AssayError) {
        switch binding {
        case .plain, .signed: return
        case .ambiguous(let reason):
            throw AssayError(
                .manifestAmbiguous, "clients could take other files out of \(manifest.digest)", reason: reason,
                remedy: "push the files as they are, and sign them")
        case .unbound:
            throw AssayError(
                .manifestUnbound, "no trusted key signed the manifest \(manifest.digest) with its files",
                reason: "its files are signed, and more than these could be in it",
                remedy: "sign it: assay sign REF --key KEY")
        }
    }

    /// A statement of a release key that may bind the manifest; nil for any other, and for what cannot be read.
    private func bindingStatement(_ envelope: [UInt8]) -> (content: Statement, signer: TrustedKey)? {
        guard statement(envelope)?.predicateType == PredicateType.binding,
            let signers = try? TrustedSigners(root.keys(.release, for: repository, at: time)),
            let (statement, signer) = try? signers.open(envelope)
        else { return nil }
        return (statement, signer)
    }

    /// What an envelope says, so far as it can be read; why it cannot is found when it is opened.
    private func statement(_ envelope: [UInt8]) -> Statement? {
        try? DSSEEnvelope(parsing: envelope).unverifiedStatement()
    }
}
