package import AssayDomain

/// A part of a list and where the next part starts.
package struct Page<Element: Sendable>: Sendable {
    package let items: [Element]
    /// What to pass to get the next part; nil at the end.
    package let next: String?

    package init(items: [Element], next: String?) {
        self.items = items
        self.next = next
    }
}

package struct RepositoryQuery: Sendable {
    package var kind: Repository.Kind?
    package var prefix: String?
    package var after: String?
    package var limit: Int

    package init(kind: Repository.Kind? = nil, prefix: String? = nil, after: String? = nil, limit: Int) {
        self.kind = kind
        self.prefix = prefix
        self.after = after
        self.limit = limit
    }
}

package struct VersionQuery: Sendable {
    package var repository: RepositoryName
    /// Only versions that hold the annotation with this value.
    package var annotation: (key: String, value: String)?
    package var framework: String?
    package var runId: String?
    /// Only versions with a lower number: the cursor of the page before.
    package var below: VersionNumber?
    package var limit: Int

    package init(
        repository: RepositoryName, annotation: (key: String, value: String)? = nil, framework: String? = nil,
        runId: String? = nil, below: VersionNumber? = nil, limit: Int
    ) {
        self.repository = repository
        self.annotation = annotation
        self.framework = framework
        self.runId = runId
        self.below = below
        self.limit = limit
    }
}

/// A manifest as it was pushed: enough to send it, and to parse it where its content matters.
package struct StoredManifest: Sendable {
    package let digest: Digest
    package let mediaType: String
    package let bytes: [UInt8]

    package init(digest: Digest, mediaType: String, bytes: [UInt8]) {
        self.digest = digest
        self.mediaType = mediaType
        self.bytes = bytes
    }

    /// Throws `storage-failed` for bytes that were never accepted as a manifest.
    package func parsed() throws(AssayError) -> Manifest {
        do {
            return try Manifest(parsing: bytes, digest: digest, contentType: mediaType)
        } catch {
            throw AssayError(.storageFailed, "the stored manifest \(digest) cannot be read", cause: error)
        }
    }
}

/// Evidence that the registry itself stores: a blob that the store already holds, and the referrer that names it.
package struct Attachment: Sendable {
    package let blobs: [BlobRecord]
    package let referrer: Manifest

    package init(blobs: [BlobRecord], referrer: Manifest) {
        self.blobs = blobs
        self.referrer = referrer
    }
}

/// A withdrawal, or its end, with the registry's statement of it.
package struct WithdrawalRequest: Sendable {
    package let withdrawal: Withdrawal
    /// The digest of the statement's envelope.
    package let statement: Digest
    package let attachment: Attachment
    package let actor: String

    package init(withdrawal: Withdrawal, statement: Digest, attachment: Attachment, actor: String) {
        self.withdrawal = withdrawal
        self.statement = statement
        self.attachment = attachment
        self.actor = actor
    }
}

/// What a version came from, as provenance tells it.
package struct Origin: Sendable, Hashable {
    package let sources: [LineageSource]
    package let runID: String?

    package init(sources: [LineageSource], runID: String?) {
        self.sources = sources
        self.runID = runID
    }

    package init(_ provenance: Provenance) { self.init(sources: provenance.sources, runID: provenance.metadata.runId) }
}

/// Everything that one publish writes in one transaction.
package struct Publication: Sendable {
    package enum Intent: Sendable, Hashable {
        /// The manifest becomes a version, under the next number or the one asked for, and under an alias if one is
        /// named.
        case version(Tag?)
        /// The manifest is only stored: a child of an index, or a referrer.
        case content
    }

    package let repository: RepositoryName
    /// The kind of the repository if it is made now; an existing one must be of it. Nil takes what is there, or model.
    package let kind: Repository.Kind?
    package let manifest: Manifest
    package let intent: Intent
    package let metadata: VersionMetadata
    package let model: ModelSummary?
    package let lineage: [LineageDeclaration]
    package let attachments: [Attachment]
    /// What provenance says of the version; where the manifest is itself a referrer, of its subject.
    package let origins: [Origin]
    package let actor: String
    package let at: Timestamp

    package init(
        repository: RepositoryName, kind: Repository.Kind?, manifest: Manifest, intent: Intent,
        metadata: VersionMetadata = VersionMetadata(), model: ModelSummary? = nil, lineage: [LineageDeclaration] = [],
        attachments: [Attachment] = [], origins: [Origin] = [], actor: String, at: Timestamp
    ) {
        self.repository = repository
        self.kind = kind
        self.manifest = manifest
        self.intent = intent
        self.metadata = metadata
        self.model = model
        self.lineage = lineage
        self.attachments = attachments
        self.origins = origins
        self.actor = actor
        self.at = at
    }
}

package struct PublicationOutcome: Sendable {
    /// Nil if the manifest was only stored.
    package let version: Version?
    /// False if the same content was there before.
    package let isNew: Bool

    package init(version: Version?, isNew: Bool) {
        self.version = version
        self.isNew = isNew
    }
}

/// A wish to move an alias, with what the caller believes about it.
package struct AliasMoveRequest: Sendable {
    package enum Expectation: Sendable, Hashable {
        case anything
        /// Nil: the alias must not exist.
        case version(VersionNumber?)
    }

    package enum Cause: Sendable {
        case set
        /// Decided by the policy of this digest; the verdict is stored with the move. `basis` is what it was decided
        /// by, all of which must still be so, and the move must come before `decidedUntil`. `rollback` says why the
        /// alias goes back; it is nil where it goes on.
        case promotion(
            policy: Digest, verdict: Digest, attachment: Attachment, basis: PromotionMark, decidedUntil: Timestamp?,
            rollback: String?)
    }

    package let repository: RepositoryName
    package let name: AliasName
    /// Nil removes the alias.
    package let target: VersionNumber?
    package let expectation: Expectation
    package let cause: Cause
    package let actor: String
    package let at: Timestamp

    package init(
        repository: RepositoryName, name: AliasName, target: VersionNumber?, expectation: Expectation, cause: Cause,
        actor: String, at: Timestamp
    ) {
        self.repository = repository
        self.name = name
        self.target = target
        self.expectation = expectation
        self.cause = cause
        self.actor = actor
        self.at = at
    }
}

/// A policy and the alias that it protects.
package struct PolicyRecord: Sendable, Hashable {
    package let repository: RepositoryName
    package let alias: AliasName
    package let digest: Digest
    /// Canonical JSON; `digest` is its SHA-256.
    package let json: [UInt8]
    package let setAt: Timestamp
    package let actor: String

    package init(
        repository: RepositoryName, alias: AliasName, digest: Digest, json: [UInt8], setAt: Timestamp, actor: String
    ) {
        self.repository = repository
        self.alias = alias
        self.digest = digest
        self.json = json
        self.setAt = setAt
        self.actor = actor
    }
}

/// A manifest that names content, or is it.
package struct ContentUse: Sendable, Hashable {
    package let repository: RepositoryName
    package let manifestDigest: Digest
    /// The number of the version that the manifest is; nil if it is none.
    package let version: VersionNumber?
    /// What the manifest hangs on, and the number of that if it is a version.
    package let subject: Digest?
    package let subjectVersion: VersionNumber?
    package let isConfig: Bool
    /// The aliases that point to the version, or to the one that it hangs on.
    package let aliases: [AliasName]
    /// The aliases that ever pointed to it.
    package let everAliases: [AliasName]

    package init(
        repository: RepositoryName, manifestDigest: Digest, version: VersionNumber?, subject: Digest?,
        subjectVersion: VersionNumber?, isConfig: Bool, aliases: [AliasName], everAliases: [AliasName]
    ) {
        self.repository = repository
        self.manifestDigest = manifestDigest
        self.version = version
        self.subject = subject
        self.subjectVersion = subjectVersion
        self.isConfig = isConfig
        self.aliases = aliases
        self.everAliases = everAliases
    }
}

/// A referrer that carries a signed statement.
package struct AttestationRecord: Sendable, Hashable {
    /// The referrer manifest.
    package let manifestDigest: Digest
    package let artifactType: String
    /// As the referrer's annotations state it; the envelope itself decides.
    package let predicateType: String?
    /// The blob with the signature bundle or envelope: the referrer's first layer.
    package let envelope: BlobRecord
    package let createdAt: Timestamp

    package init(
        manifestDigest: Digest, artifactType: String, predicateType: String?, envelope: BlobRecord,
        createdAt: Timestamp
    ) {
        self.manifestDigest = manifestDigest
        self.artifactType = artifactType
        self.predicateType = predicateType
        self.envelope = envelope
        self.createdAt = createdAt
    }

    /// The artifact types of signed statements.
    package static let types = [MediaType.sigstoreBundle] + MediaType.envelopes

    /// What a manifest with a subject attests; nil if it is of another type or has no layer that must be here.
    package init?(of manifest: Manifest, at: Timestamp) {
        guard manifest.subject != nil, let type = manifest.effectiveArtifactType, Self.types.contains(type),
            let layer = manifest.layers.first, !MediaType.isNonDistributable(layer.mediaType)
        else { return nil }
        self.init(
            manifestDigest: manifest.digest, artifactType: type,
            predicateType: manifest.annotations[Annotation.bundlePredicateType]
                ?? manifest.annotations[Annotation.predicateType],
            envelope: BlobRecord(digest: layer.digest, size: layer.size), createdAt: at)
    }
}

/// A worker's wish for the next job.
package struct Claim: Sendable {
    package let id: ClaimID
    package let worker: Worker
    /// The CPUs that its evaluator is kept on; nil if it is on all of its machine's.
    package let threadsMax: Int?
    /// When a worker elsewhere must have told of itself; nil for the process that owns the index.
    package let leaseUntil: Timestamp?
    package let at: Timestamp

    package init(id: ClaimID, worker: Worker, threadsMax: Int?, leaseUntil: Timestamp?, at: Timestamp) {
        self.id = id
        self.worker = worker
        self.threadsMax = threadsMax
        self.leaseUntil = leaseUntil
        self.at = at
    }

    package var offer: JobOffer { JobOffer(labels: worker.labels, threadsMax: threadsMax) }
}

package struct JobQuery: Sendable {
    package var state: Verification.State?
    /// Of the verified version.
    package var repository: RepositoryName?
    package var before: Int64?
    package var limit: Int

    package init(state: Verification.State? = nil, repository: RepositoryName? = nil, before: Int64? = nil, limit: Int)
    {
        self.state = state
        self.repository = repository
        self.before = before
        self.limit = limit
    }
}
