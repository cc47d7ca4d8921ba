import AssayArchive
import AssayDomain

/// Says a fault of an archive or a path in the words of the domain.
enum ArchiveFault {
    /// Runs archive work and gives its faults as errors about a bundle; others pass untouched.
    static func translated<Result>(_ work: () throws -> Result) throws -> Result {
        do {
            return try work()
        } catch let error as ArchiveError {
            throw AssayError(
                code(of: error.kind), "the bundle is refused",
                reason: "\(error.kind.rawValue): \(Printable.escape(error.reason))",
                remedy: "name a file of assay bundle export; a tar of your own needs --format=ustar and no compression",
                cause: error)
        }
    }

    /// Throws `path-unsafe` for a path that cannot be written below a folder on every system.
    static func checkPath(_ path: String) throws(AssayError) {
        do {
            try EntryPath.check(path)
        } catch {
            throw unsafe(error)
        }
    }

    /// Adds a checked path to those of one version; throws `path-unsafe` where two files cannot lie in one folder.
    static func insert(_ path: String, into tree: inout PathTree) throws(AssayError) {
        do {
            try tree.insertFile(path)
        } catch {
            throw unsafe(error)
        }
    }

    private static func unsafe(_ error: ArchiveError) -> AssayError {
        AssayError(
            .pathUnsafe, "a file's path is refused", reason: Printable.escape(error.reason),
            remedy: "use relative paths with forward slashes that stay within the folder")
    }

    private static func code(of kind: ArchiveError.Kind) -> ErrorCode {
        switch kind {
        case .pathEscapes, .pathInvalid: .pathUnsafe
        case .linkNotAllowed, .typeNotAllowed: .fileTypeRefused
        case .tooManyEntries: .tooManyEntries
        case .tooLarge: .bodyTooLarge
        case .writeFailed: .internalError
        case .duplicateEntry, .pathConflict, .ambiguousHeader, .headerInvalid, .sizeInvalid, .checksum, .truncated,
            .trailingData:
            .bundleInvalid
        }
    }
}
