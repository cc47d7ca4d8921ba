import AssayDomain

/// The facts of a dossier, as `dossier.json` has them: format in docs/formats/dossier.md.
///
/// All of it is computed from the log and the documents that stand beside it, so whoever has these computes it again.
struct Dossier: Encodable, Sendable {
    static let formatVersion = 1

    let format = Self.formatVersion
    let scope: DossierScope
    let log: LogPart
    let holders: [Holder]
    let policies: [PolicyPeriod]
    let decisions: [Decision]
    let versions: [VersionRecord]
    let keys: [KeyRecord]
    let recordKeeping: [RecordRow]

    struct LogPart: Encodable, Sendable {
        let origin: String
        /// The id of the log's key.
        let key: String
        let entryCount: Int64
        let root: String
        /// The entries in the dossier: from the first to before the end.
        let start: Int64
        let end: Int64
        /// The entries of the window.
        let windowStart: Int64
        let windowEnd: Int64
        /// Whether an entry behind the window is there, so that nothing can be added to the window any more.
        let isClosed: Bool
    }

    /// What an alias pointed to, and how long.
    struct Holder: Encodable, Sendable {
        /// Nil where the alias was removed.
        let version: Int64?
        let digest: Digest?
        let since: Timestamp
        /// Nil for the holder at the end of the window.
        let until: Timestamp?
        let entry: Int64
        let cause: String
        let actor: String
        let policy: Digest?
        let verdict: Digest?
        let reason: String?
    }

    struct PolicyPeriod: Encodable, Sendable {
        /// Nil where the policy was taken away.
        let digest: Digest?
        let since: Timestamp
        let until: Timestamp?
        let entry: Int64
        let actor: String
    }

    /// A verdict on the alias.
    struct Decision: Encodable, Sendable {
        let entry: Int64
        let at: Timestamp
        let version: Int64?
        let digest: Digest
        let verdict: Digest
        let result: StatementWord.Result
        /// Whether a registry's key signed it that counted then.
        let counts: Bool
        let signer: String?
        let policy: Digest?
        /// The move that it decided.
        let move: Int64?
        let missed: [Requirement]
        let waived: [Requirement]
        let rollbackReason: String?
    }

    struct Requirement: Encodable, Sendable {
        let requirement: String
        let demanded: String
        let measured: String
        let status: String
        let waiver: String?
    }

    struct VersionRecord: Encodable, Sendable {
        let number: Int64
        let digest: Digest
        let entry: Int64
        let at: Timestamp
        let actor: String
        /// Whether it held the alias in the window; else a verdict was given on it.
        let held: Bool
        /// The entry by which it was deleted.
        let deleted: Int64?
        let description: String?
        let license: String?
        let files: [FileRecord]
        let lineage: [Source]
        let waivers: [WaiverRecord]
        let evidence: [EvidenceRecord]
    }

    /// A file of a version, by its digest: its bytes are not in the dossier.
    struct FileRecord: Encodable, Sendable {
        let path: String
        let digest: Digest
        let size: Int64
    }

    struct Source: Encodable, Sendable, Hashable {
        let relation: String
        let name: String
        let digest: Digest
        let signer: String
    }

    struct WaiverRecord: Encodable, Sendable {
        let entry: Int64
        let alias: AliasName
        let policy: Digest
        let requirement: String
        let reason: String
        let expiresAt: Timestamp
        /// Whether a key signed it that counted then; whether a policy let it waive is the verdict's to say.
        let counts: Bool
        let signer: String?
    }

    struct EvidenceRecord: Encodable, Sendable {
        let entry: Int64
        let at: Timestamp
        let type: String
        let digest: Digest
        let status: Status
        let signer: String?
        let role: TrustedKey.Role?
        let result: StatementWord.Result?

        enum Status: String, Encodable, Sendable {
            case valid, untrusted, invalid
            /// A deletion that the log has took it.
            case deleted
            /// The log has it, and nobody shows it.
            case missing
            /// The version's manifest is gone, so that nothing says what it is about.
            case unchecked
        }
    }

    struct KeyRecord: Encodable, Sendable {
        let id: String
        let name: String
        let role: TrustedKey.Role
        let validFrom: Timestamp?
        let validUntil: Timestamp?
        let revokedAt: Timestamp?
    }

    /// A line of what rules of record keeping ask for.
    struct RecordRow: Encodable, Sendable {
        let id: String
        let rule: String
        let asks: String
        let status: Status
        /// The names of the keys that signed it.
        let by: [String]
        /// The versions that held the alias and have nothing of it.
        let missingIn: [Int64]

        enum Status: String, Encodable, Sendable {
            case present
            case signedBy = "signed-by"
            case missing
        }
    }
}
