package import AssayDomain

/// What is known of the bytes: repositories, versions, aliases, evidence and lineage.
///
/// Each method is one transaction, durable before it returns. Writes of one index happen one after the other.
/// Any method may throw `storage-full` or `storage-failed`.
package protocol Index: Sendable {
    /// Whether the index takes writes; false after a failure of the disk.
    var isWritable: Bool { get }

    /// The time of the last entry of the audit log when the index was opened.
    var lastEntryTime: Timestamp { get }

    // MARK: Repositories

    /// Nil if there is none.
    func repository(_ name: RepositoryName) async throws -> Repository?

    /// Repositories in byte order of their names, those after `query.after`.
    func repositories(_ query: RepositoryQuery) async throws -> Page<Repository>

    /// Creates a repository or returns the one there is; one without versions takes the kind. Throws `kind-conflict` if
    /// its versions are of another kind.
    func createRepository(_ name: RepositoryName, kind: Repository.Kind, at: Timestamp) async throws -> Repository

    // MARK: Blobs

    /// The size of a blob that is readable through the repository; nil if it is not linked there.
    func blobSize(_ digest: Digest, in repository: RepositoryName) async throws -> Int64?

    /// Records that the store holds a blob and that the repository may read it, creating the repository as a model
    /// repository if there is none. A blob that no manifest refers to is kept until `leasedUntil`.
    func linkBlob(
        _ digest: Digest, size: Int64, to repository: RepositoryName, at: Timestamp, leasedUntil: Timestamp
    ) async throws

    /// Links a blob that another repository already has; false if the source has it not. With no source named, any
    /// repository that has it will do.
    func mountBlob(
        _ digest: Digest, from source: RepositoryName?, to repository: RepositoryName, at: Timestamp,
        leasedUntil: Timestamp
    ) async throws -> Bool

    /// Blobs that no manifest refers to and whose leases ended before `now`, in order of their digests.
    func unreferencedBlobs(now: Timestamp, limit: Int) async throws -> [BlobRecord]

    // MARK: Manifests and versions

    /// The manifest behind a tag or digest; nil if there is none.
    func manifest(_ selector: VersionSelector, in repository: RepositoryName) async throws -> StoredManifest?

    /// Manifests whose subject is `subject`, whether that is there or not, oldest first, those after the cursor.
    func referrers(
        of subject: Digest, in repository: RepositoryName, artifactType: String?, after: Int64?, limit: Int
    ) async throws -> Page<Descriptor>

    /// Version numbers and aliases as tags, in byte order, those after `after`. Throws `repository-not-found`.
    func tags(in repository: RepositoryName, after: String?, limit: Int) async throws -> Page<String>

    /// Stores a manifest with everything that comes with it, or nothing of it.
    ///
    /// Throws `blob-unknown` for content that the repository does not have, `size-invalid` where a descriptor states
    /// another size than the blob has, `tag-immutable` if a numeric tag would move, `alias-protected` if a policy
    /// protects the alias, `version-not-found` for a lineage source that does not exist, `lineage-cycle`, and
    /// `kind-conflict`. Repeating it gives the same version.
    func publish(_ publication: Publication) async throws -> PublicationOutcome

    /// Nil if the reference names nothing.
    func version(_ reference: Reference) async throws -> Version?

    /// Versions of a repository, newest first. Throws `repository-not-found`.
    func versions(_ query: VersionQuery) async throws -> Page<Version>

    /// Sets the annotations with a value and removes those whose value is nil. Throws `version-not-found`, and
    /// `body-too-large` for more than `VersionMetadata.entriesMax` in all.
    func annotate(
        _ repository: RepositoryName, _ number: VersionNumber, changes: [String: String?]
    ) async throws -> Version

    /// Versions whose repository, metadata or annotations hold all words of the text, best first. Throws
    /// `request-invalid` for too many words.
    func search(_ text: String, kind: Repository.Kind?, limit: Int) async throws -> [Version]

    /// Which manifests name content of a digest, in all repositories, each once, those after the cursor. `next` is the
    /// cursor of the next page.
    func contentUses(of digest: Digest, after: String?, limit: Int) async throws -> Page<ContentUse>

    /// Which manifests have a digest themselves, in all repositories.
    func manifestUses(of digest: Digest, limit: Int) async throws -> [ContentUse]

    // MARK: Deletes

    /// Takes a manifest out of a repository. Blobs, its referrers and the children of an index stay.
    ///
    /// With a version go its number, which is never given again, its aliases, whose removal the history keeps as
    /// `actor`'s, its annotations, its verifications and what it was said to come from. With a report goes the
    /// verification that it ended.
    ///
    /// Throws `repository-not-found`, `manifest-not-found`, and `in-use` for
    /// - a version that a protected alias points to, that another version came from, that the policy of an alias or a
    ///   verification of another version measures with;
    /// - evidence about a version that a protected alias points to, and a verdict that decided a move of an alias.
    func deleteManifest(_ digest: Digest, in repository: RepositoryName, actor: String, at: Timestamp) async throws

    /// Takes a blob away from a repository; other repositories keep it.
    ///
    /// Throws `blob-not-found` if it is not linked there, `in-use` while a manifest of the repository names it.
    func deleteBlob(_ digest: Digest, in repository: RepositoryName, actor: String, at: Timestamp) async throws

    // MARK: Aliases and policies

    /// Nil if the alias points nowhere, also where a policy already waits for it.
    func alias(_ name: AliasName, in repository: RepositoryName) async throws -> Alias?

    /// In byte order. Throws `repository-not-found`.
    func aliases(in repository: RepositoryName) async throws -> [Alias]

    /// The aliases of all repositories with the digests of their versions, in byte order of repository and name, those
    /// after one of them.
    func allAliases(after: (RepositoryName, AliasName)?, limit: Int) async throws -> Page<Alias>

    /// Everything that a promotion of a manifest to an alias is decided by, from one snapshot; of verifications the
    /// newest. Throws `version-not-found`.
    func promotionBasis(
        of subject: Digest, to alias: AliasName, in repository: RepositoryName, verificationsMax: Int
    ) async throws -> PromotionBasis

    /// Moves, makes or removes an alias by compare-and-set and writes its history. A promoted version is unsealed.
    ///
    /// Throws `alias-conflict` if it does not point where the caller expected, or something of what the promotion was
    /// decided by is not as it was; `alias-protected` for a plain move under a policy; `version-not-found`;
    /// `alias-not-found` when removing what is not there.
    func moveAlias(_ move: AliasMoveRequest) async throws -> AliasMove

    /// Promoted versions whose evidence is still to be completed, each with the log index of its promotion, oldest
    /// first.
    func unsealedVersions(limit: Int) async throws -> [(version: Reference, promotion: Int64)]

    /// Notes that the evidence of a promoted version is complete; a later promotion of it stays noted.
    func markSealed(promotion: Int64) async throws

    /// Promotions by which aliases stand and of which nobody has asked yet whether their manifests are bound, with the
    /// versions: those that an older build made.
    func unaskedPromotions(limit: Int) async throws -> [(sequence: Int64, version: Reference)]

    /// Keeps the answer; a promotion of a bound manifest is one like any other from then on.
    func answerPromotion(_ sequence: Int64, isBound: Bool) async throws

    /// Withdraws a version, or lets it be used again, together with the signed statement that says so. Throws
    /// `version-not-found`.
    func withdraw(_ request: WithdrawalRequest) async throws -> Version

    /// Moves of an alias, newest first, those with a sequence below `before`.
    func aliasHistory(
        _ name: AliasName, in repository: RepositoryName, before: Int64?, limit: Int
    ) async throws -> Page<AliasMove>

    /// Moves of an alias that a policy decided, newest first: to one version, or to any.
    func decidedMoves(
        of name: AliasName, in repository: RepositoryName, to version: VersionNumber?, limit: Int
    ) async throws -> [AliasMove]

    /// Protects an alias, existing or not, by a policy. Throws `repository-not-found`.
    func setPolicy(_ record: PolicyRecord) async throws

    /// Nil if no policy protects the alias.
    func policy(of alias: AliasName, in repository: RepositoryName) async throws -> PolicyRecord?

    /// A policy that protects the alias or once did, by its digest, as it was set first; nil if it never did.
    func policy(
        _ digest: Digest, of alias: AliasName, in repository: RepositoryName
    ) async throws -> PolicyRecord?

    /// In order of the aliases. Throws `repository-not-found`.
    func policies(in repository: RepositoryName) async throws -> [PolicyRecord]

    /// Throws `policy-not-found`.
    func removePolicy(of alias: AliasName, in repository: RepositoryName, actor: String, at: Timestamp) async throws

    // MARK: Evidence

    /// Signed statements about a manifest, oldest first.
    func attestations(of subject: Digest, in repository: RepositoryName) async throws -> [AttestationRecord]

    /// Stores evidence about a manifest that is there, and what it tells of its origin; repeating it changes nothing.
    /// Throws `manifest-not-found`.
    func attach(
        _ attachment: Attachment, to subject: Digest, in repository: RepositoryName, origin: Origin?, actor: String,
        at: Timestamp
    ) async throws

    /// Puts a verification into the queue; repeating it with the same id changes nothing. Throws `version-not-found`,
    /// and `queue-full` where `JobQueue.waitingMax` wait.
    func enqueue(_ verification: Verification) async throws

    /// Begins the verification that `JobQueue.next` chooses among those that wait; nil if none fits the offer.
    func claimVerification(_ claim: Claim) async throws -> Verification?

    /// The verification of a claim, running or ended by it. Throws `claim-not-found`, and `claim-lost` if it was
    /// cancelled or the claim's time is over.
    func verification(of claim: ClaimID) async throws -> Verification

    /// Gives a worker more time. Throws as `verification(of:)`, and `claim-lost` once the verification has its report.
    func extendLease(of claim: ClaimID, until: Timestamp) async throws -> Verification

    /// Has the verification of a running claim wait again; `counts` says whether the attempt was one. Throws as
    /// `extendLease`.
    func giveBack(_ claim: ClaimID, counts: Bool) async throws

    /// Ends a verification that has no report; repeating it changes nothing. Throws `verification-not-found`, and
    /// `verification-ended` if it has a report.
    func cancelVerification(_ id: VerificationID, at: Timestamp) async throws -> Verification

    /// Ends the verification of a claim together with its signed report and what else is said of it. Throws as
    /// `verification(of:)`; a claim that has ended it already changes nothing. With `tryBy` it counts as a try of that
    /// build of the evaluator, unless it is a replay.
    func finish(
        _ verification: Verification, claim: ClaimID, attaching attachments: [Attachment], tryBy evaluator: String?,
        actor: String
    ) async throws

    /// How often content was measured on data by a build of the evaluator, with a result that counts.
    func tries(
        of subject: VerificationReport.Subject, on dataset: Digest, by evaluator: String
    ) async throws -> Int

    /// Verifications whose workers should have told of themselves before `now`, with their claims.
    func expiredVerifications(now: Timestamp, limit: Int) async throws -> [(claim: ClaimID, verification: Verification)]

    /// Puts verifications that this process was running when it ended back into the queue, and has no lease of a worker
    /// elsewhere end before `leaseUntil`: it could not tell of itself meanwhile. None ends after `atMost` either, as
    /// the clock may have been set since it was given.
    func requeueInterruptedVerifications(leaseUntil: Timestamp, atMost: Timestamp) async throws

    /// Nil if there is none.
    func verification(_ id: VerificationID) async throws -> Verification?

    /// Verifications of all versions, newest first, those with a sequence below `query.before`.
    func verifications(_ query: JobQuery) async throws -> Page<Verification>

    /// Newest first.
    func verifications(of subject: Digest, in repository: RepositoryName, limit: Int) async throws -> [Verification]

    // MARK: Lineage

    /// Edges reachable from a version within `depth` steps, at most `edgesMax`, nearest first.
    func lineage(
        of root: LineageNode, direction: LineageGraph.Direction, depth: Int, edgesMax: Int
    ) async throws -> LineageGraph

    // MARK: Trust

    /// All keys, revoked ones too, oldest first.
    func trustedKeys() async throws -> [TrustedKey]

    /// Throws `key-conflict` if the same key has another role, other repositories or other times, or was revoked;
    /// repeating it changes nothing.
    func addTrustedKey(_ key: TrustedKey, actor: String) async throws

    /// Sets from when and until when a key counts. Throws `key-not-found`.
    func limitTrustedKey(
        _ id: String, validFrom: Timestamp?, validUntil: Timestamp?, actor: String, at: Timestamp
    ) async throws -> TrustedKey

    /// Trusts a new key and ends the one that it follows, in one step. Throws `key-conflict` for a key that is known.
    func replaceTrustedKey(
        _ id: String, by key: TrustedKey, actor: String
    ) async throws -> (old: TrustedKey?, new: TrustedKey)

    /// Takes a key out of trust; `since` is the date that is kept with it. Throws `key-not-found`.
    func revokeTrustedKey(_ id: String, since: Timestamp, actor: String, at: Timestamp) async throws -> TrustedKey

    // MARK: Audit

    /// Log indexes of the facts that a version rests on: that it is a version, and its promotions, oldest first.
    func logIndexes(of version: VersionNumber, in repository: RepositoryName) async throws -> [Int64]

    /// The entries of the audit log that the index's own rows give for a range of log indexes; nil where none or more
    /// than one gives it, or a row contradicts itself, its content or the order of its table.
    func factEntries(from first: Int64, count: Int) async throws -> [[UInt8]?]

    /// What of the index its own history does not explain, in words. It reads everything: it is for audits alone.
    func auditFaults(limit: Int) async throws -> [String]
}
