import AssayClient
import AssayDomain
import Glibc

/// A file that did not exist before; nothing that is there is ever overwritten.
struct NewFile {
    private static let secretMode: mode_t = 0o600
    private static let openMode: mode_t = 0o644

    private let path: String
    private let mode: mode_t

    /// Makes an empty file; throws `file-exists` where there is something of that name.
    init(creating path: String, isSecret: Bool) throws(AssayError) {
        self.path = path
        mode = isSecret ? Self.secretMode : Self.openMode
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        close(descriptor)
    }

    /// Writes the whole content and makes it durable.
    func write(_ text: String) throws(AssayError) {
        let descriptor = Glibc.open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw Self.failure(path, errno)
        }
    }

    /// Takes the file away again.
    func remove() { unlink(path) }

    private static func failure(_ path: String, _ number: Int32) -> AssayError {
        let name = Printable.quote(path)
        switch number {
        case EEXIST, ELOOP:
            return AssayError(
                .fileExists, "\(name) exists already", remedy: "choose another name; keys are never overwritten")
        case ENOENT, ENOTDIR: return AssayError(.fileNotFound, "there is no folder for \(name)")
        case ENOSPC, EDQUOT: return AssayError(.storageFull, "there is no space left for \(name)")
        default: return AssayError(.fileInaccessible, "cannot write \(name)", reason: String(cString: strerror(number)))
        }
    }
}
