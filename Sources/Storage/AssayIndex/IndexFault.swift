import AssayDomain
import GRDB

/// What an error of SQLite means to a caller.
enum IndexFault {
    /// The error itself if it speaks of the domain or of cancellation; otherwise a storage or internal error around it.
    static func translate(_ error: any Error) -> any Error {
        switch error {
        case is AssayError, is CancellationError: error
        case let error as DatabaseError: translate(error)
        default: AssayError(.internalError, "the index failed", cause: error)
        }
    }

    static func translating<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw translate(error)
        }
    }

    /// What a write gets after a failure of the disk.
    static var closed: AssayError {
        AssayError(
            .storageFailed, "the index takes no writes", reason: "a write to disk failed",
            remedy: "check the disk, then restart the server")
    }

    /// Whether the disk failed: from then on nobody knows what it holds.
    static func isOfDisk(_ error: any Error) -> Bool {
        guard let code = (error as? DatabaseError)?.resultCode else { return false }
        return [.SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CANTOPEN, .SQLITE_READONLY].contains(code)
    }

    /// Whether an error is the end of a whole transaction, not only of the write that met it.
    static func endsTransaction(_ error: any Error) -> Bool {
        isOfDisk(error) || (error as? DatabaseError)?.resultCode == .SQLITE_FULL
    }

    /// A value in the database that is none of its type: somebody else wrote it, or the disk is failing.
    static func unreadable(_ what: String, cause: (any Error)? = nil) -> AssayError {
        AssayError(
            .storageFailed, "the index holds \(what) that cannot be read",
            remedy: "restore the store from a backup or ask its operator", cause: cause)
    }

    private static func translate(_ error: DatabaseError) -> AssayError {
        switch error.resultCode {
        case .SQLITE_FULL:
            AssayError(
                .storageFull, "the index cannot be written", reason: "there is no space left",
                remedy: "free space and try again", cause: error)
        case .SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_READONLY, .SQLITE_CANTOPEN:
            AssayError(
                .storageFailed, "the index cannot be used", reason: "its file cannot be read or written",
                remedy: "check the disk and the rights of the store", cause: error)
        default:
            AssayError(.internalError, "the index failed", cause: error)
        }
    }
}
