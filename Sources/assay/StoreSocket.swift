import AssayDomain
import Glibc

/// The name of the socket on which a store is served to commands of its own machine.
///
/// The address of a Unix socket has room for some hundred bytes. Where a store lies deeper than that, its folder is
/// held open, and the name goes through the descriptor: it is good for as long as this value is there, in this process.
final class StoreSocket: Sendable {
    /// The longest path of a Unix socket that SwiftNIO takes; `sun_path` has a few bytes more here.
    private static let pathBytesMax = 103
    private static let name = "assay.sock"

    let path: String
    private let folder: Int32?  // owned

    /// The socket in the folder of a store. Throws `storage-failed` where that cannot be opened.
    init(inStore store: String) throws(AssayError) {
        let path = "\(store)/\(Self.name)"
        guard path.utf8.count > Self.pathBytesMax else {
            (self.path, folder) = (path, nil)
            return
        }
        let descriptor = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw AssayError(
                .storageFailed, "the store \(Printable.quote(store)) cannot be opened",
                reason: String(cString: strerror(errno)))
        }
        (self.path, folder) = ("/proc/self/fd/\(descriptor)/\(Self.name)", descriptor)
    }

    /// A socket at a place that somebody named. Throws `configuration-invalid` for a path that is too long.
    init(at path: String) throws(AssayError) {
        guard path.utf8.count <= Self.pathBytesMax else {
            throw AssayError(
                .configurationInvalid, "the path of --unix-socket is too long",
                reason: "a socket has at most \(Self.pathBytesMax) bytes in its path", remedy: "use a shorter path")
        }
        (self.path, folder) = (path, nil)
    }

    deinit { if let folder { close(folder) } }
}
