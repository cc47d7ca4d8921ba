import AssayClient
import AssayDomain
import Glibc

/// Reads what a command is given as a file, or on its standard input as `-`.
enum InputFile {
    private static let pieceBytes = 64 << 10

    /// Throws as `LocalFile`, and `body-too-large` above the limit.
    static func read(_ path: String, bytesMax: Int) throws(AssayError) -> [UInt8] {
        path == "-" ? try readInput(bytesMax: bytesMax) : try LocalFile(opening: path).readAll(bytesMax: bytesMax)
    }

    private static func readInput(bytesMax: Int) throws(AssayError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = Glibc.read(STDIN_FILENO, &piece, piece.count)
            if count == 0 { return bytes }
            if count < 0 {
                guard errno == EINTR else {
                    throw AssayError(
                        .fileInaccessible, "the standard input cannot be read", reason: String(cString: strerror(errno))
                    )
                }
                continue
            }
            bytes += piece.prefix(count)
            guard bytes.count <= bytesMax else {
                throw AssayError(.bodyTooLarge, "the standard input has over \(bytesMax) bytes")
            }
        }
    }
}
