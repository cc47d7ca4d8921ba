import AssayClient
import AssayDomain
import Glibc
import Synchronization

/// The name on which a server listens for its own machine, kept for it until it listens.
///
/// Nothing is taken away for it but a socket of this user's on which nobody listens any more. Two servers that want one
/// name ask one after the other: each holds the lock of the folder until it listens, or ended. A server listens under
/// a name that nobody knows, which then becomes the one that was asked for, if nothing has come to be there meanwhile:
/// whoever asks for no locks loses nothing either. All of it happens in the folder that was opened, whatever its path
/// leads to by then.
final class SocketPlace: Sendable {
    /// How often, and how far apart, a name is looked at that somebody has: who was killed lets go a moment later.
    private static let attempts = 20
    private static let pause = Duration.milliseconds(50)

    let path: String
    /// Where to listen, until `settle`.
    let draft: String
    private let name: String
    private let draftName: String
    private let folder: Mutex<Int32?>  // owned
    private let fault = Mutex<AssayError?>(nil)

    /// Takes a name. Throws `configuration-invalid` where somebody listens, where something else has the name, and
    /// where there is no folder for it.
    static func take(_ path: String) async throws -> SocketPlace {
        let place = try SocketPlace(path)
        for _ in 1..<attempts {
            if try place.isFree() { return place }
            try await Task.sleep(for: pause)
        }
        guard try place.isFree() else {
            throw refusal(path, "another process listens there, or is about to", "stop it, or name another path")
        }
        return place
    }

    private init(_ path: String) throws(AssayError) {
        // Without a name it would be a socket of Linux's abstract names, which every user may open.
        guard !path.isEmpty else { throw Self.refusal(path, "it has no name", "name a path") }
        self.path = path
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { String(path[...$0]) } ?? "."
        name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        draftName = ".assay-\(String(UInt64.random(in: .min ... .max), radix: 16)).sock"
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Self.refusal(path, "its folder: \(String(cString: strerror(errno)))", "make the folder first")
        }
        draft = Self.within(descriptor, draftName)
        folder = Mutex(descriptor)
    }

    /// A name in an open folder, however long that one's path is.
    private static func within(_ folder: Int32, _ name: String) -> String { "/proc/self/fd/\(folder)/\(name)" }

    deinit { release() }

    /// Gives the socket, on which the server listens by now, its name, and lets others ask for it; false where
    /// something else has come to have the name, which `check` tells.
    func settle() -> Bool {
        let isSettled = folder.withLock { descriptor in
            guard let open = descriptor else { return false }
            // A link never takes the place of what is there.
            guard linkat(open, draftName, open, name, 0) != 0 else { return true }
            let number = errno
            // Here a file has one name: this one is looked for, and what comes to be there in between is lost.
            if [EPERM, EOPNOTSUPP, ENOSYS].contains(number),
                faccessat(open, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0, errno == ENOENT,
                renameat(open, draftName, open, name) == 0
            {
                return true
            }
            let reason =
                number == EEXIST ? "something else has come to be there" : String(cString: strerror(number))
            fault.withLock { $0 = Self.refusal(path, reason, "name another path") }
            return false
        }
        release()
        return isSettled
    }

    /// Throws `configuration-invalid` if the socket did not get its name.
    func check() throws(AssayError) {
        if let fault = fault.withLock({ $0 }) { throw fault }
    }

    /// Lets others ask for the name; the server listens by now, or never will.
    private func release() {
        folder.withLock { descriptor in
            if let open = descriptor {
                unlinkat(open, draftName, 0)
                close(open)
            }
            descriptor = nil
        }
    }

    /// Takes away a socket that nobody listens on; false where somebody does, or is about to.
    private func isFree() throws(AssayError) -> Bool {
        let open = folder.withLock { descriptor in descriptor.flatMap { flock($0, LOCK_EX | LOCK_NB) == 0 ? $0 : nil } }
        guard let open else { return false }
        let place = Self.within(open, name)
        guard let status = try PathStatus(of: place) else { return true }
        guard status.isSocket else {
            throw Self.refusal(path, "what is there is no socket", "move it away, or name another path")
        }
        guard status.owner == geteuid() else {
            throw Self.refusal(path, "the socket there is user \(status.owner)'s", "name another path")
        }
        guard Self.connects(to: place) == ECONNREFUSED else { return false }
        return unlinkat(open, name, 0) == 0 || errno == ENOENT
    }

    private static func refusal(_ path: String, _ reason: String, _ remedy: String) -> AssayError {
        AssayError(
            .configurationInvalid, "cannot listen on the socket \(Printable.quote(path))", reason: reason,
            remedy: remedy)
    }

    /// Whether somebody listens on a socket.
    static func answers(_ path: String) -> Bool { connects(to: path) == 0 }

    /// Zero where somebody takes the connection, else the number of the failure.
    private static func connects(to path: String) -> Int32 {
        // A full queue of connections is told, not waited for.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
            }
        }
    }
}
