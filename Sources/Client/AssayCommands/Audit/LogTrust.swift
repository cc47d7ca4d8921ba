import APIProtocol
import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Whose checkpoints count, and for which repositories: the one rule for pulls, bundles and audits.
struct LogTrust: Sendable {
    /// A log's key that counts now, and all that the trust files say of it.
    struct Key: Sendable {
        let publicKey: Ed25519PublicKey
        let entries: [TrustedKey]
    }

    /// A checkpoint that a key of its log signed.
    struct Opened: Sendable {
        let checkpoint: Checkpoint
        /// The signed bytes.
        let note: [UInt8]
        let key: Key
    }

    /// More entries than any registry has: a log that states more of them is read no further.
    static let entriesMax: Int64 = 1 << 32

    let keys: [Key]
    /// Whether the registry itself said so: then it is only as honest as the registry.
    let isOfRegistry: Bool

    /// The log keys of trust files, or those that the registry names where there are none. Throws as `named`.
    static func make(
        _ paths: [String], for repository: RepositoryName? = nil, client: AssayClient
    ) async throws -> LogTrust {
        try await make(paths.isEmpty ? nil : try TrustFiles.read(paths), for: repository, client: client)
    }

    /// The log keys of a trust root, or those that the registry names where it names none. Throws as `named`.
    static func make(
        _ root: TrustRoot?, for repository: RepositoryName?, client: AssayClient
    ) async throws -> LogTrust {
        if let root, let trust = try named(in: root, for: repository) { return trust }
        let own = TrustRoot(keys: try await client.keys().items)
        guard let trust = try named(in: own, for: repository) else {
            throw AssayError(
                .untrustedKey, "neither the trust files nor the registry name a key of the log",
                remedy: "add --trust FILE with the log's public key")
        }
        return LogTrust(keys: trust.keys, isOfRegistry: true)
    }

    /// The log keys of a trust root that count now, and for a repository if one is meant; nil if it names none at all.
    ///
    /// One that is named and does not count is a no: throws `expired` where all are revoked, ended or not valid yet,
    /// and `untrusted-key` where those that count speak for other repositories.
    static func named(in root: TrustRoot, for repository: RepositoryName?) throws(AssayError) -> LogTrust? {
        let entries = root.keys.filter { $0.role == .log }
        guard let first = entries.first else { return nil }
        let valid = entries.filter { $0.isValid(at: .now) }
        guard !valid.isEmpty else {
            let fault =
                first.revokedAt.map { "it was revoked as of \($0)" }
                ?? first.validUntil.map { "it ended at \($0)" } ?? "it is not valid yet"
            throw AssayError(
                .expired, "no key of a log in the trust root counts now",
                reason: "\(Printable.quote(first.name)): \(fault)",
                remedy: "name the log's key of today, if you trust it")
        }
        let covering = valid.filter { key in repository.map(key.covers) ?? true }
        guard !covering.isEmpty else { throw notSpeaking(valid, for: repository?.text ?? "") }
        return LogTrust(keys: try keys(of: covering), isOfRegistry: false)
    }

    /// The keys that entries of a trust root hold, each once.
    static func keys(of entries: [TrustedKey]) throws(AssayError) -> [Key] {
        var keys: [Key] = []
        for (place, entry) in entries.enumerated() where !entries[..<place].contains(where: { $0.id == entry.id }) {
            keys.append(
                Key(publicKey: try Ed25519PublicKey(pem: entry.pem), entries: entries.filter { $0.id == entry.id }))
        }
        return keys
    }

    /// Opens a signed checkpoint. The log must be the one of the key that signed it, whatever the text says.
    ///
    /// Throws `untrusted-key`, `signature-invalid`, and `log-inconsistent` also for a log of another name than its
    /// key's, and for one that states more entries than any has.
    func open(_ note: [UInt8]) throws(AssayError) -> Opened {
        let (checkpoint, signer) = try Checkpoint.open(note, trusted: keys.map(\.publicKey))
        let origin = Checkpoint.origin(of: signer)
        guard checkpoint.origin.utf8.elementsEqual(origin.utf8), let key = keys.first(where: { $0.publicKey == signer })
        else {
            throw AssayError(
                .logInconsistent, "the checkpoint is of another log than its key's",
                reason: "it is of \(Printable.quote(checkpoint.origin, limit: 80)), and the key signs \(origin)")
        }
        guard checkpoint.size <= Self.entriesMax else {
            throw AssayError(
                .logInconsistent, "the audit log states \(checkpoint.size) entries, which no log has",
                reason: "at most \(Self.entriesMax) are read", remedy: "ask the registry's operator")
        }
        return Opened(checkpoint: checkpoint, note: note, key: key)
    }

    /// The entry of a proof, by a key that speaks for the entry's repository. Throws as `open`, and `untrusted-key`.
    func prove(_ proof: LogProof) throws(AssayError) -> (entry: AuditEntry, opened: Opened) {
        let opened = try open(proof.checkpoint)
        let entry = try proof.entry(provenBy: opened.checkpoint)
        try opened.key.check(speaksFor: entry)
        return (entry, opened)
    }

    fileprivate static func notSpeaking(_ keys: [TrustedKey], for repository: String) -> AssayError {
        let names = keys.flatMap { $0.repositories ?? [] }.map(\.description).joined(separator: ", ")
        return AssayError(
            .untrustedKey, "the log's key does not speak for \(Printable.quote(repository))",
            reason: "it counts for \(names)",
            remedy: "name a log's key for this repository, if you trust it")
    }

    /// What is said to people where the registry itself named the key.
    static let note = "the log's key was taken from the registry itself; name the one that you know with --trust FILE"
}

extension LogTrust.Key {
    /// Whether there are repositories that it does not speak for.
    var isLimited: Bool { entries.allSatisfy { $0.repositories != nil } }

    /// Throws `untrusted-key` for an entry of a repository that the key does not speak for. An entry of none, such as
    /// a change of the trust root, is by any key of the log.
    func check(speaksFor entry: AuditEntry) throws(AssayError) {
        guard isLimited, let text = entry.text(.repository) else { return }
        guard let name = try? RepositoryName(parsing: text), entries.contains(where: { $0.covers(name) }) else {
            throw LogTrust.notSpeaking(entries, for: text)
        }
    }
}
