import AssayClient
import AssayDomain
import Glibc

/// A file that did not exist before; nothing that is there is ever overwritten.
///
/// It is written by the descriptor that made it, so nothing that somebody puts in its place gets what was meant for it.
final class NewFile {
    private static let secretMode: mode_t = 0o600
    private static let openMode: mode_t = 0o644

    private let path: String
    private let descriptor: Int32  // owned

    /// Makes an empty file; throws `file-exists` where there is something of that name.
    init(creating path: String, isSecret: Bool) throws(AssayError) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = Glibc.open(path, flags, isSecret ? Self.secretMode : Self.openMode)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Writes the whole content and makes it durable. Throws `changed-while-reading` if the name is another file's by
    /// then.
    func write(_ text: String) throws(AssayError) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { throw Self.failure(path, errno) }
            rest = rest.dropFirst(max(0, count))
        }
        guard fsync(descriptor) == 0 else { throw Self.failure(path, errno) }
        guard isStillNamed else {
            throw AssayError(
                .changedWhileReading, "\(Printable.quote(path)) is not the file that was written",
                reason: "somebody else changed the folder meanwhile", remedy: "use a folder of your own")
        }
    }

    /// Takes the file away again, unless the name is another file's by now.
    func remove() {
        if isStillNamed { unlink(path) }
    }

    private var isStillNamed: Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && lstat(path, &named) == 0 && own.st_dev == named.st_dev
            && own.st_ino == named.st_ino
    }

    private static func failure(_ path: String, _ number: Int32) -> AssayError {
        let name = Printable.quote(path)
        switch number {
        case EEXIST, ELOOP:
            return AssayError(
                .fileExists, "\(name) exists already", remedy: "choose another name; what is there is never overwritten"
            )
        case ENOENT, ENOTDIR: return AssayError(.fileNotFound, "there is no folder for \(name)")
        case ENOSPC, EDQUOT: return AssayError(.storageFull, "there is no space left for \(name)")
        default: return AssayError(.fileInaccessible, "cannot write \(name)", reason: String(cString: strerror(number)))
        }
    }
}
