package import AssayDomain
import Glibc

/// A file that the caller names for a command to read: an option's document or key, `-` for the standard input.
///
/// The name itself may be a link, as every file of a mounted Kubernetes Secret or ConfigMap is, and what a shell hands
/// over (`/dev/stdin`, `<(command)`) is read to its end. Other pipes, and devices, are refused before anything could
/// block. What stands in versions and folders is read by `LocalFile`, which follows nothing.
package final class InputFile: Sendable {
    private static let pieceBytes = 64 << 10
    private static let handedOver = ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"]

    private let path: String
    /// How the file is called in messages.
    private let name: String
    private let descriptor: Int32
    private let isOwned: Bool
    private let isStream: Bool

    /// Opens a file; throws `file-not-found`, `file-type-refused`, `file-inaccessible`.
    package init(_ path: String) throws(AssayError) {
        guard path != "-" else {
            (self.path, name, descriptor) = (path, "the standard input", STDIN_FILENO)
            (isOwned, isStream) = (false, true)
            return
        }
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw FileFailure.error(path, "read", errno) }
        var status = stat()
        let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        let isHandedOver = Self.handedOver.contains { path.hasPrefix($0) }
        guard isFile || isHandedOver && (status.st_mode & S_IFMT == S_IFIFO || isatty(descriptor) == 1) else {
            close(descriptor)
            throw FileFailure.notRegular(path)
        }
        (self.path, name, self.descriptor) = (path, Printable.quote(path), descriptor)
        (isOwned, isStream) = (true, !isFile)
    }

    deinit { if isOwned { close(descriptor) } }

    /// All of a small file; throws `body-too-large` above the limit.
    package static func read(_ path: String, bytesMax: Int) throws(AssayError) -> [UInt8] {
        try InputFile(path).readAll(bytesMax: bytesMax)
    }

    /// All that is left of it; throws `body-too-large` above the limit.
    package func readAll(bytesMax: Int) throws(AssayError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                guard errno == EAGAIN, isStream else {
                    throw AssayError(
                        .fileInaccessible, "\(name) cannot be read", reason: String(cString: strerror(errno)))
                }
                var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&wait, 1, -1)
                continue
            }
            bytes += piece.prefix(count)
            guard bytes.count <= bytesMax else { throw AssayError(.bodyTooLarge, "\(name) has over \(bytesMax) bytes") }
        }
    }

    /// Throws `configuration-invalid` unless the open file is held as the rule wants it.
    package func check(_ custody: Custody, called name: String) throws(AssayError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure.error(path, "look at", errno) }
        try custody.check(status, called: name, path: path)
    }
}
