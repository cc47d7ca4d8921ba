import EvaluationProtocol
import Glibc

/// Small reads of files and of standard input.
enum SystemFiles {
    private static let chunkBytes = 64 << 10

    /// All bytes of an open file up to its end; nil if there are more than `limit` or reading fails.
    static func readToEnd(_ descriptor: Int32, limit: Int) -> [UInt8]? {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0, count <= limit - result.count else { return nil }
            if count == 0 { return result }
            result += chunk[..<count]
        }
    }

    /// The text of a file of the kernel; empty if it is not there.
    static func kernelText(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        return readToEnd(descriptor, limit: 4 << 20).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes sure that a path is a regular file with something in it: a pipe or a device could block for ever.
    static func requireFile(_ path: String, _ what: String, _ kind: EvaluationFailure.Kind) throws(EvaluationFailure) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw EvaluationFailure(kind, "the \(what) cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw EvaluationFailure(kind, "the \(what) is not a regular file")
        }
        guard status.st_size > 0 else { throw EvaluationFailure(kind, "the \(what) is empty") }
    }
}
