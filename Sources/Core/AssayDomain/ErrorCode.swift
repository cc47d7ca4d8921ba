/// A stable name of a kind of failure, such as `version-not-found`.
///
/// The set is open, so that a later part can add a code, but bounded: codes are static members, never made from input.
package struct ErrorCode: Sendable, Hashable, CustomStringConvertible {
    /// The class of a failure; front ends turn it into a status and the command line into an exit code.
    package enum Kind: String, Sendable, CaseIterable {
        /// The request itself is malformed.
        case invalid
        /// A command or a configuration is wrong.
        case usage
        /// Something named does not exist.
        case notFound
        /// The caller did not say who it is.
        case unauthenticated
        /// The caller may not do this.
        case denied
        /// The state is not the one that the caller assumed.
        case conflict
        /// Bytes, a signature or a checksum are not what they claim.
        case integrity
        /// Content is well formed and refused: a policy or a rule says no.
        case refused
        /// Content is larger, or there is more of it, than the limit.
        case tooLarge
        /// A range lies outside of what is there.
        case range
        /// The caller can try the same again later.
        case busy
        /// The storage is full or failing.
        case storage
        /// A fault of ours.
        case `internal`
    }

    package let name: String
    package let kind: Kind

    package init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    /// Whether repeating the same request unchanged can succeed.
    package var isRetryable: Bool { kind == .busy || kind == .storage }

    package var description: String { name }
}

extension ErrorCode {
    // MARK: Names and requests
    package static let digestInvalid = ErrorCode("digest-invalid", .invalid)
    package static let digestUnsupported = ErrorCode("digest-unsupported", .invalid)
    package static let nameInvalid = ErrorCode("name-invalid", .invalid)
    package static let tagInvalid = ErrorCode("tag-invalid", .invalid)
    package static let referenceInvalid = ErrorCode("reference-invalid", .invalid)
    package static let requestInvalid = ErrorCode("request-invalid", .invalid)
    package static let jsonInvalid = ErrorCode("json-invalid", .invalid)
    package static let manifestInvalid = ErrorCode("manifest-invalid", .invalid)
    package static let policyInvalid = ErrorCode("policy-invalid", .invalid)
    package static let keyInvalid = ErrorCode("key-invalid", .invalid)
    package static let metadataInvalid = ErrorCode("metadata-invalid", .invalid)
    package static let sizeInvalid = ErrorCode("size-invalid", .invalid)
    package static let methodNotAllowed = ErrorCode("method-not-allowed", .invalid)
    package static let mediaTypeUnsupported = ErrorCode("media-type-unsupported", .invalid)
    package static let expectationFailed = ErrorCode("expectation-failed", .invalid)
    package static let labelInvalid = ErrorCode("label-invalid", .invalid)
    package static let usage = ErrorCode("usage", .usage)
    package static let configurationInvalid = ErrorCode("configuration-invalid", .usage)
    /// The command that was to sign did not give a signature.
    package static let signerFailed = ErrorCode("signer-failed", .usage)

    // MARK: Absent things
    package static let repositoryNotFound = ErrorCode("repository-not-found", .notFound)
    package static let versionNotFound = ErrorCode("version-not-found", .notFound)
    package static let aliasNotFound = ErrorCode("alias-not-found", .notFound)
    package static let manifestNotFound = ErrorCode("manifest-not-found", .notFound)
    package static let blobNotFound = ErrorCode("blob-not-found", .notFound)
    package static let uploadNotFound = ErrorCode("upload-not-found", .notFound)
    package static let policyNotFound = ErrorCode("policy-not-found", .notFound)
    package static let verificationNotFound = ErrorCode("verification-not-found", .notFound)
    package static let claimNotFound = ErrorCode("claim-not-found", .notFound)
    package static let keyNotFound = ErrorCode("key-not-found", .notFound)
    package static let runNotFound = ErrorCode("run-not-found", .notFound)
    package static let attestationNotFound = ErrorCode("attestation-not-found", .notFound)
    package static let logEntryNotFound = ErrorCode("log-entry-not-found", .notFound)
    package static let routeNotFound = ErrorCode("route-not-found", .notFound)
    package static let fileNotFound = ErrorCode("file-not-found", .notFound)
    package static let storeNotFound = ErrorCode("store-not-found", .usage)
    /// A local file is there and cannot be read or written.
    package static let fileInaccessible = ErrorCode("file-inaccessible", .usage)

    // MARK: Rights
    package static let unauthenticated = ErrorCode("unauthenticated", .unauthenticated)
    package static let permissionDenied = ErrorCode("permission-denied", .denied)

    // MARK: State
    package static let tagImmutable = ErrorCode("tag-immutable", .conflict)
    package static let aliasProtected = ErrorCode("alias-protected", .conflict)
    package static let aliasConflict = ErrorCode("alias-conflict", .conflict)
    /// An alias goes back only to a version that held it by a promotion.
    package static let neverHeld = ErrorCode("never-held", .conflict)
    package static let kindConflict = ErrorCode("kind-conflict", .conflict)
    package static let keyConflict = ErrorCode("key-conflict", .conflict)
    package static let storeExists = ErrorCode("store-exists", .conflict)
    package static let lineageCycle = ErrorCode("lineage-cycle", .conflict)
    /// A worker's job was cancelled, or given to another one.
    package static let claimLost = ErrorCode("claim-lost", .conflict)
    /// A verification has its report already.
    package static let verificationEnded = ErrorCode("verification-ended", .conflict)
    /// Something else needs what was to be deleted.
    package static let inUse = ErrorCode("in-use", .conflict)
    /// A server's state is another one, with a code that this build does not know.
    package static let serverConflict = ErrorCode("server-conflict", .conflict)
    package static let fileExists = ErrorCode("file-exists", .conflict)

    // MARK: Integrity
    package static let digestMismatch = ErrorCode("digest-mismatch", .integrity)
    package static let signatureInvalid = ErrorCode("signature-invalid", .integrity)
    package static let untrustedKey = ErrorCode("untrusted-key", .integrity)
    package static let unsigned = ErrorCode("unsigned", .integrity)
    /// Clients could take other files out of a manifest than those that are signed and measured.
    package static let manifestAmbiguous = ErrorCode("manifest-ambiguous", .integrity)
    /// Files are signed, and nothing says that the manifest is made of them alone.
    package static let manifestUnbound = ErrorCode("manifest-unbound", .integrity)
    package static let changedWhileReading = ErrorCode("changed-while-reading", .integrity)
    package static let bundleInvalid = ErrorCode("bundle-invalid", .integrity)
    /// A key or a certificate counts no more, or not yet.
    package static let expired = ErrorCode("expired", .integrity)
    /// The audit log is not what a checkpoint or the index says.
    package static let logInconsistent = ErrorCode("log-inconsistent", .integrity)
    /// A repeated measurement does not come to what its report says.
    package static let replayDiffers = ErrorCode("replay-differs", .integrity)
    /// A server answered with something else than was asked for.
    package static let answerMismatch = ErrorCode("answer-mismatch", .integrity)

    // MARK: Refusals
    package static let blobUnknown = ErrorCode("blob-unknown", .refused)
    /// A server says no with a code that this build does not know.
    package static let serverRefused = ErrorCode("server-refused", .refused)
    package static let promotionRefused = ErrorCode("promotion-refused", .refused)
    /// The registry says that a version must not be used any more.
    package static let versionWithdrawn = ErrorCode("version-withdrawn", .refused)
    package static let verificationFailed = ErrorCode("verification-failed", .refused)
    /// A file is no ONNX model, or is a damaged one.
    package static let modelInvalid = ErrorCode("model-invalid", .refused)
    /// A model is well formed, and cannot be rewritten as was asked.
    package static let modelUnsupported = ErrorCode("model-unsupported", .refused)
    /// No version satisfies what was asked for.
    package static let selectionEmpty = ErrorCode("selection-empty", .refused)
    /// Nobody measured that answers of a model may be kept, or they may not.
    package static let notCacheable = ErrorCode("not-cacheable", .refused)
    package static let verificationCancelled = ErrorCode("verification-cancelled", .refused)
    /// A worker's evaluator is of another build than the server's.
    package static let evaluatorMismatch = ErrorCode("evaluator-mismatch", .refused)
    package static let datasetUnsupported = ErrorCode("dataset-unsupported", .refused)
    package static let pathUnsafe = ErrorCode("path-unsafe", .refused)
    package static let fileTypeRefused = ErrorCode("file-type-refused", .refused)
    package static let storeVersionUnsupported = ErrorCode("store-version-unsupported", .refused)
    package static let formatVersionUnsupported = ErrorCode("format-version-unsupported", .refused)

    // MARK: Limits
    package static let bodyTooLarge = ErrorCode("body-too-large", .tooLarge)
    package static let addressTooLong = ErrorCode("address-too-long", .tooLarge)
    package static let manifestTooLarge = ErrorCode("manifest-too-large", .tooLarge)
    package static let tooManyEntries = ErrorCode("too-many-entries", .tooLarge)
    package static let rangeNotSatisfiable = ErrorCode("range-not-satisfiable", .range)
    package static let uploadOutOfOrder = ErrorCode("upload-out-of-order", .range)

    // MARK: Try again
    package static let storeBusy = ErrorCode("store-busy", .busy)
    package static let evaluatorUnavailable = ErrorCode("evaluator-unavailable", .busy)
    package static let queueFull = ErrorCode("queue-full", .busy)
    package static let serverUnreachable = ErrorCode("server-unreachable", .busy)
    /// A server failed, or answered with a status that no request gets from a server that works.
    package static let serverFailed = ErrorCode("server-failed", .busy)
    /// No secure connection comes about, and none will soon: a certificate, or a server that speaks no TLS.
    package static let tlsFailed = ErrorCode("tls-failed", .busy)
    package static let tooManyUploads = ErrorCode("too-many-uploads", .busy)
    package static let uploadBusy = ErrorCode("upload-busy", .busy)
    package static let tooManyBodies = ErrorCode("too-many-bodies", .busy)
    package static let storageFull = ErrorCode("storage-full", .storage)
    package static let storageFailed = ErrorCode("storage-failed", .storage)
    package static let internalError = ErrorCode("internal-error", .internal)
}

extension ErrorCode {
    /// The code of a name, as a client reads it from a problem document; nil if this build has none of that name.
    package static func known(_ name: String) -> ErrorCode? { byName[name] }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Every code there is, in the order of their declarations.
    package static let all: [ErrorCode] = [
        .digestInvalid, .digestUnsupported, .nameInvalid, .tagInvalid, .referenceInvalid, .requestInvalid,
        .jsonInvalid, .manifestInvalid, .policyInvalid, .keyInvalid, .metadataInvalid, .sizeInvalid,
        .methodNotAllowed, .mediaTypeUnsupported, .expectationFailed, .labelInvalid, .usage, .configurationInvalid,
        .signerFailed,
        .repositoryNotFound, .versionNotFound, .aliasNotFound, .manifestNotFound, .blobNotFound, .uploadNotFound,
        .policyNotFound, .verificationNotFound, .claimNotFound, .keyNotFound, .runNotFound, .attestationNotFound,
        .logEntryNotFound, .routeNotFound, .fileNotFound, .storeNotFound,
        .fileInaccessible, .unauthenticated, .permissionDenied, .tagImmutable, .aliasProtected, .aliasConflict,
        .kindConflict, .keyConflict, .storeExists, .lineageCycle, .claimLost, .verificationEnded, .inUse,
        .serverConflict, .fileExists,
        .digestMismatch, .signatureInvalid, .untrustedKey, .unsigned, .manifestAmbiguous, .manifestUnbound,
        .changedWhileReading, .bundleInvalid,
        .expired, .logInconsistent, .replayDiffers, .answerMismatch,
        .blobUnknown, .serverRefused, .promotionRefused, .versionWithdrawn, .verificationFailed, .modelInvalid,
        .modelUnsupported, .selectionEmpty, .notCacheable, .verificationCancelled, .evaluatorMismatch,
        .datasetUnsupported,
        .pathUnsafe, .fileTypeRefused, .storeVersionUnsupported, .formatVersionUnsupported, .bodyTooLarge,
        .addressTooLong, .manifestTooLarge, .tooManyEntries, .rangeNotSatisfiable, .uploadOutOfOrder, .storeBusy,
        .evaluatorUnavailable, .queueFull, .serverUnreachable, .serverFailed, .tlsFailed,
        .tooManyUploads, .uploadBusy,
        .tooManyBodies, .storageFull,
        .storageFailed,
        .internalError,
    ]
}
