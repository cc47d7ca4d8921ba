import AssayDomain
import Glibc

/// A file that is there whole or not at all: written under a hidden name beside its place, and renamed.
struct ReplacedFile {
    private static let mode: mode_t = 0o644

    /// Writes the whole content in place of what is there.
    ///
    /// Throws `file-not-found`, `file-inaccessible`, `storage-full`.
    static func write(_ text: String, to path: String) throws(AssayError) {
        let (folder, name) = parts(of: path)
        guard !name.isEmpty else {
            throw AssayError(
                .usage, "\(Printable.quote(path)) names no file", remedy: "name a file, or - for the output")
        }
        let draft = "\(folder).\(name).\(getpid()).part"
        let descriptor = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(path, errno) }
        let fault = fill(descriptor, Array(text.utf8))
        close(descriptor)
        guard fault == 0, rename(draft, path) == 0 else {
            let number = fault == 0 ? errno : fault
            unlink(draft)
            throw failure(path, number)
        }
    }

    /// The error number of what failed, 0 if nothing did.
    private static func fill(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return errno
            }
        }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    private static func parts(of path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[...slash]), String(path[path.index(after: slash)...]))
    }

    private static func failure(_ path: String, _ number: Int32) -> AssayError {
        let name = Printable.quote(path)
        switch number {
        case ENOENT, ENOTDIR: return AssayError(.fileNotFound, "there is no folder for \(name)")
        case ENOSPC, EDQUOT: return AssayError(.storageFull, "there is no space left for \(name)")
        default: return AssayError(.fileInaccessible, "cannot write \(name)", reason: String(cString: strerror(number)))
        }
    }
}
