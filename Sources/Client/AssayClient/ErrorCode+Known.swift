package import AssayDomain

extension ErrorCode {
    /// A server says no with a code that this build does not know.
    package static let serverRefused = ErrorCode("server-refused", .refused)
    /// A server's state is another one, with a code that this build does not know.
    package static let serverConflict = ErrorCode("server-conflict", .conflict)
    /// A local file is there and cannot be read or written.
    package static let fileInaccessible = ErrorCode("file-inaccessible", .usage)

    /// The code of a name, or nil if this build has none of that name.
    package static func known(_ name: String) -> ErrorCode? { byName[name] }

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// Every code that a server of this build can send.
    package static let all: [ErrorCode] = [
        .digestInvalid, .digestUnsupported, .nameInvalid, .tagInvalid, .referenceInvalid, .requestInvalid, .jsonInvalid,
        .manifestInvalid, .policyInvalid, .keyInvalid, .metadataInvalid, .sizeInvalid, .methodNotAllowed,
        .mediaTypeUnsupported, .usage, .configurationInvalid, .repositoryNotFound, .versionNotFound, .aliasNotFound,
        .manifestNotFound, .blobNotFound, .uploadNotFound, .policyNotFound, .verificationNotFound, .keyNotFound,
        .routeNotFound, .fileNotFound, .storeNotFound, .unauthenticated, .permissionDenied, .tagImmutable,
        .aliasProtected, .aliasConflict, .kindConflict, .keyConflict, .blobInUse, .storeExists, .lineageCycle,
        .fileExists, .digestMismatch, .signatureInvalid, .untrustedKey, .unsigned, .changedWhileReading, .bundleInvalid,
        .blobUnknown, .promotionRefused, .verificationFailed, .modelUnsupported, .datasetUnsupported, .pathUnsafe,
        .fileTypeRefused, .storeVersionUnsupported, .formatVersionUnsupported, .bodyTooLarge, .manifestTooLarge,
        .tooManyEntries, .rangeNotSatisfiable, .uploadOutOfOrder, .storeBusy, .serverUnreachable, .uploadBusy,
        .storageFull, .storageFailed, .internalError,
    ]

    /// The code that stands for an answer of which only the status is known.
    static func standing(forStatus status: Int) -> ErrorCode {
        switch status {
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .routeNotFound
        case 405: .methodNotAllowed
        case 409, 412: .serverConflict
        case 413, 414, 431: .bodyTooLarge
        case 415: .mediaTypeUnsupported
        case 416: .rangeNotSatisfiable
        case 422: .serverRefused
        case 408, 425, 429, 502, 503, 504: .storeBusy
        case 507: .storageFull
        case 400..<500: .requestInvalid
        default: .internalError
        }
    }

    /// The code nearest to one of the OCI distribution-spec 1.1.1.
    static func standing(forOCI code: String) -> ErrorCode? {
        switch code {
        case "BLOB_UNKNOWN": .blobNotFound
        case "BLOB_UPLOAD_UNKNOWN": .uploadNotFound
        case "BLOB_UPLOAD_INVALID": .uploadOutOfOrder
        case "DIGEST_INVALID": .digestMismatch
        case "MANIFEST_UNKNOWN": .manifestNotFound
        case "MANIFEST_INVALID": .manifestInvalid
        case "MANIFEST_BLOB_UNKNOWN": .blobUnknown
        case "NAME_UNKNOWN": .repositoryNotFound
        case "NAME_INVALID": .nameInvalid
        case "SIZE_INVALID": .sizeInvalid
        case "UNAUTHORIZED": .unauthenticated
        case "DENIED": .permissionDenied
        case "UNSUPPORTED": .methodNotAllowed
        case "TOOMANYREQUESTS": .uploadBusy
        default: nil
        }
    }
}
