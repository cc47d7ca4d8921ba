package import AssayDomain

/// A part of a list; `next` goes into the query parameter `after` of the next request.
package struct ListResponse<Item: Codable & Sendable>: Sendable, Codable {
    package let items: [Item]
    package let next: String?

    package init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }
}

/// `POST /api/v1/repositories`
package struct CreateRepositoryRequest: Sendable, Codable {
    package var name: RepositoryName
    package var kind: Repository.Kind

    package init(name: RepositoryName, kind: Repository.Kind) {
        self.name = name
        self.kind = kind
    }
}

/// `POST /api/v1/versions`: makes a version of files whose blobs were pushed before.
package struct PublishRequest: Sendable, Codable {
    package var repository: RepositoryName
    package var kind: Repository.Kind?
    /// The manifest's text; its bytes in UTF-8 are stored as they are.
    package var manifest: String
    package var mediaType: String
    /// A number or an unprotected alias to publish under.
    package var tag: String?
    package var metadata: VersionMetadata?
    package var lineage: [LineageDeclaration]?
    /// Model signatures (OpenSSF Model Signing v1.0 bundles) as text.
    package var signatures: [String]?
    /// DSSE envelopes with statements about the manifest, as text.
    package var attestations: [String]?
    /// False where provenance is attached afterwards, so that the registry signs none itself.
    package var makesProvenance: Bool?

    package init(
        repository: RepositoryName, kind: Repository.Kind?, manifest: String, mediaType: String, tag: String? = nil,
        metadata: VersionMetadata? = nil, lineage: [LineageDeclaration]? = nil, signatures: [String]? = nil,
        attestations: [String]? = nil, makesProvenance: Bool? = nil
    ) {
        self.repository = repository
        self.kind = kind
        self.manifest = manifest
        self.mediaType = mediaType
        self.tag = tag
        self.metadata = metadata
        self.lineage = lineage
        self.signatures = signatures
        self.attestations = attestations
        self.makesProvenance = makesProvenance
    }
}

package struct PublishResponse: Sendable, Codable {
    package let version: Version
    /// False if the repository had a version of the same content.
    package let isNew: Bool

    package init(version: Version, isNew: Bool) {
        self.version = version
        self.isNew = isNew
    }
}

/// `PATCH /api/v1/versions/{reference}`: a null value removes an annotation.
package struct AnnotateRequest: Sendable, Codable {
    package var annotations: [String: String?]

    package init(annotations: [String: String?]) { self.annotations = annotations }
}

/// `PUT /api/v1/aliases/{reference}`
package struct MoveAliasRequest: Sendable, Codable {
    /// The number of the version to point to.
    package var version: VersionNumber
    /// Where the caller believes the alias points; 0 means that it does not exist. Absent: wherever it points.
    package var expected: Int64?

    package init(version: VersionNumber, expected: Int64? = nil) {
        self.version = version
        self.expected = expected
    }
}

/// A policy with what it protects.
package struct PolicyResponse: Sendable, Codable {
    package let repository: RepositoryName
    package let alias: AliasName
    package let digest: Digest
    package let policy: Policy
    package let setAt: Timestamp
    package let actor: String
    /// What the policy says of the version that the alias points to, where it was just set.
    package var holder: PromotionResponse?
    /// Why nothing was said of that version.
    package var holderFault: String?

    package init(
        repository: RepositoryName, alias: AliasName, digest: Digest, policy: Policy, setAt: Timestamp, actor: String
    ) {
        self.repository = repository
        self.alias = alias
        self.digest = digest
        self.policy = policy
        self.setAt = setAt
        self.actor = actor
    }
}

/// `POST /api/v1/verifications`
package struct VerifyRequest: Sendable, Codable {
    package var reference: Reference
    package var dataset: Reference
    /// A version to measure latency against, interleaved in the same run.
    package var baseline: Reference?
    package var threads: Int?
    package var batch: Int?
    package var warmupRuns: Int?
    package var measuredRuns: Int?
    package var deadlineSeconds: Int?
    /// Bounds of latency against the baseline: measuring goes on until each is decided.
    package var maxRatios: [String: Double]?
    /// A version whose answers are compared with, on the same samples.
    package var teacher: Reference?
    /// Bounds of latency against the teacher.
    package var teacherMaxRatios: [String: Double]?
    package var confidence: Double?
    package var sweepBatches: [Int]?
    package var sweepThreads: [Int]?
    /// The arrays of the dataset that may go into the model.
    package var inputs: [String]?
    /// The model's file, by its path in the version.
    package var file: String?
    /// The output that is judged.
    package var output: String?
    /// What the scores of a classifier are.
    package var scores: ScoreKind?
    /// What the worker must have.
    package var labels: [WorkerLabel]?
    /// True for a repetition that only compares: no try, and nothing is promoted by it.
    package var isReplay: Bool?

    package init(reference: Reference, dataset: Reference, baseline: Reference? = nil) {
        self.reference = reference
        self.dataset = dataset
        self.baseline = baseline
    }

    /// Asks for what a report measured, once more: the same bytes and the same settings.
    package init(repeating report: VerificationReport) {
        func exactly(_ subject: VerificationReport.Subject) -> Reference {
            Reference(subject.repository, .digest(subject.digest))
        }
        let settings = report.settings
        self.init(
            reference: exactly(report.subject), dataset: exactly(report.dataset),
            baseline: (report.baseline ?? report.measurements?.comparison?.baseline).map(exactly))
        threads = settings.threads
        batch = settings.batch
        warmupRuns = settings.warmupRuns
        measuredRuns = settings.measuredRuns
        deadlineSeconds = settings.deadlineSeconds
        maxRatios = settings.maxRatios
        confidence = settings.confidence
        sweepBatches = settings.sweepBatches
        sweepThreads = settings.sweepThreads
        inputs = settings.inputs
        file = settings.file
        output = settings.output
        scores = settings.scores
        labels = settings.labels
        teacher = settings.teacher.map(exactly)
        teacherMaxRatios = settings.teacherMaxRatios
        isReplay = true
    }

    /// The settings asked for, defaults where nothing is said.
    package var settings: VerificationSettings {
        var settings = VerificationSettings()
        if let threads { settings.threads = threads }
        if let batch { settings.batch = batch }
        if let warmupRuns { settings.warmupRuns = warmupRuns }
        if let measuredRuns { settings.measuredRuns = measuredRuns }
        if let deadlineSeconds { settings.deadlineSeconds = deadlineSeconds }
        settings.maxRatios = maxRatios
        settings.confidence = confidence
        settings.sweepBatches = sweepBatches
        settings.sweepThreads = sweepThreads
        settings.inputs = InputNames.sorted(inputs)
        settings.file = file
        settings.output = output
        settings.scores = scores
        if let labels, !labels.isEmpty { settings.labels = Set(labels).sorted() }
        return settings
    }

    /// The settings with the version that the teacher is.
    package func settings(teacher: VerificationReport.Subject?) -> VerificationSettings {
        var settings = settings
        settings.teacher = teacher
        settings.teacherMaxRatios = teacherMaxRatios
        return settings
    }
}

/// `GET /api/v1/selections/{repository}`
package struct SelectionResponse: Sendable, Codable {
    /// The best version of those that fit; absent if none does.
    package let selected: Version?
    /// What the reports were measured on; absent if there are none.
    package let dataset: VerificationReport.Subject?
    /// What the versions were compared by.
    package let by: String
    /// Every version that was looked at, newest first.
    package let candidates: [SelectionCandidate]
    /// Whether there are older versions that were not looked at.
    package let isTruncated: Bool

    package init(
        selected: Version?, dataset: VerificationReport.Subject?, by: String, candidates: [SelectionCandidate],
        isTruncated: Bool
    ) {
        self.selected = selected
        self.dataset = dataset
        self.by = by
        self.candidates = candidates
        self.isTruncated = isTruncated
    }
}

/// `GET /api/v1/lineage/{reference}`
package struct LineageResponse: Sendable, Codable {
    package struct Edge: Sendable, Codable {
        package let from: String
        package let to: String
        package let relation: LineageRelation

        package init(from: String, to: String, relation: LineageRelation) {
            self.from = from
            self.to = to
            self.relation = relation
        }
    }

    package let root: String
    package let direction: String
    package let edges: [Edge]
    package let isTruncated: Bool

    package init(_ graph: LineageGraph) {
        root = graph.root.label
        direction = graph.direction.rawValue
        edges = graph.edges.map { Edge(from: $0.from.label, to: $0.to.label, relation: $0.relation) }
        isTruncated = graph.isTruncated
    }
}

/// `GET /api/v1/attestations`
package struct AttestationResponse: Sendable, Codable {
    package let manifestDigest: Digest
    package let artifactType: String
    package let predicateType: String?
    package let envelopeDigest: Digest
    package let createdAt: Timestamp

    package init(
        manifestDigest: Digest, artifactType: String, predicateType: String?, envelopeDigest: Digest,
        createdAt: Timestamp
    ) {
        self.manifestDigest = manifestDigest
        self.artifactType = artifactType
        self.predicateType = predicateType
        self.envelopeDigest = envelopeDigest
        self.createdAt = createdAt
    }
}

/// `POST /api/v1/attestations`: exactly one of a signature and an envelope.
package struct AttestRequest: Sendable, Codable {
    package var reference: Reference
    /// A model signature (OpenSSF Model Signing v1.0 bundle) as text.
    package var signature: String?
    /// A DSSE envelope with an in-toto statement about the version's manifest, as text.
    package var envelope: String?

    package init(reference: Reference, signature: String) {
        self.reference = reference
        self.signature = signature
    }

    package init(reference: Reference, envelope: String) {
        self.reference = reference
        self.envelope = envelope
    }
}

/// `POST /api/v1/seals`
package struct SealRequest: Sendable, Codable {
    package var reference: Reference

    package init(reference: Reference) { self.reference = reference }
}

package struct SealResponse: Sendable, Codable {
    /// How many documents were made and attached.
    package let made: Int

    package init(made: Int) { self.made = made }
}

/// `POST /api/v1/keys`
package struct TrustKeyRequest: Sendable, Codable {
    package var pem: String
    package var name: String
    package var role: TrustedKey.Role
    /// Patterns of repositories for which it may speak; absent means all.
    package var repositories: [RepositoryPattern]?
    package var validFrom: GivenTime?
    package var validUntil: GivenTime?

    package init(
        pem: String, name: String, role: TrustedKey.Role, repositories: [RepositoryPattern]? = nil,
        validFrom: Timestamp? = nil, validUntil: Timestamp? = nil
    ) {
        self.pem = pem
        self.name = name
        self.role = role
        self.repositories = repositories
        self.validFrom = validFrom.map(GivenTime.init)
        self.validUntil = validUntil.map(GivenTime.init)
    }
}

/// `PATCH /api/v1/keys/{id}`: when the key counts; absent takes a limit away.
package struct LimitKeyRequest: Sendable, Codable {
    package var validFrom: GivenTime?
    package var validUntil: GivenTime?

    package init(validFrom: Timestamp?, validUntil: Timestamp?) {
        self.validFrom = validFrom.map(GivenTime.init)
        self.validUntil = validUntil.map(GivenTime.init)
    }
}

/// `POST /api/v1/key-rotations`: gives the registry another key of a role.
package struct RotateKeyRequest: Sendable, Codable {
    package var role: TrustedKey.Role

    package init(role: TrustedKey.Role) { self.role = role }
}

package struct RotateKeyResponse: Sendable, Codable {
    /// The key that was in use, which has ended now; absent if the trust root did not name it.
    package let old: TrustedKey?
    package let new: TrustedKey

    package init(old: TrustedKey?, new: TrustedKey) {
        self.old = old
        self.new = new
    }
}

/// `GET /api/v1/audit/entries`
package struct AuditEntryResponse: Sendable, Codable {
    /// The entry's place in the log, counted from 0.
    package let index: Int64
    package let entry: AuditEntry

    package init(index: Int64, entry: AuditEntry) {
        self.index = index
        self.entry = entry
    }
}

/// `GET /api/v1/limits`
package struct LimitsResponse: Sendable, Codable {
    /// The largest manifest that is accepted, in bytes.
    package let manifestBytesMax: Int

    package init(manifestBytesMax: Int) { self.manifestBytesMax = manifestBytesMax }
}

/// `GET /api/v1/garbage`
package struct GarbageResponse: Sendable, Codable {
    package struct Blob: Sendable, Codable {
        package let digest: Digest
        package let size: Int64

        package init(digest: Digest, size: Int64) {
            self.digest = digest
            self.size = size
        }
    }

    package let blobs: [Blob]
    package let totalBytes: Int64
    package let isTruncated: Bool
    /// Uploads that are not finished; nil from a server that does not tell.
    package let uploads: UploadsResponse?

    package init(blobs: [Blob], totalBytes: Int64, isTruncated: Bool, uploads: UploadsResponse?) {
        self.blobs = blobs
        self.totalBytes = totalBytes
        self.isTruncated = isTruncated
        self.uploads = uploads
    }
}

/// Unfinished uploads: in `GET /api/v1/garbage` those that are there, of `DELETE /api/v1/uploads` those that were
/// dropped.
package struct UploadsResponse: Sendable, Codable {
    package let count: Int
    package let bytes: Int64

    package init(count: Int, bytes: Int64) {
        self.count = count
        self.bytes = bytes
    }
}
