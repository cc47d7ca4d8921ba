import AssayDomain

/// Codes for answers that carry none of ours.
extension ErrorCode {
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
        // Redirects are not followed, and everything else is no answer to what was asked.
        default: .serverFailed
        }
    }

    /// The code that stands for one that a server told. Its faults are not faults of this program.
    static func standing(forTold name: String) -> ErrorCode? {
        known(name).map { $0.kind == .internal ? .serverFailed : $0 }
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
