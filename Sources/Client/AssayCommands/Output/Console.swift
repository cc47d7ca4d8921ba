import AssayDomain
import Glibc

/// Where a command writes: results on one stream, everything else on the other.
///
/// It is the only way to them, and nothing goes through it that a terminal would obey or that hides: whoever says what
/// is printed, control and format characters are escaped here, and a line stays one line.
package struct Console: Sendable {
    /// Takes bytes of the results; throws `ClosedPipe` when nobody reads them any more.
    package typealias Writer = @Sendable ([UInt8]) throws -> Void

    private let writeOutput: Writer
    private let writeError: Writer
    /// Whether the second stream is a terminal, where a line may be drawn over.
    package let isTerminal: Bool

    /// The width of the terminal that results go to; nil where they go elsewhere.
    package let width: Int?

    /// Whether terminals show colours: not by the wish of NO_COLOR, and not where they are said to be dumb.
    private let hasColours: Bool

    package init(
        isTerminal: Bool, width: Int? = nil, hasColours: Bool = false, output: @escaping Writer, error: @escaping Writer
    ) {
        self.isTerminal = isTerminal
        self.width = width
        self.hasColours = hasColours
        writeOutput = output
        writeError = error
    }

    /// The streams of the process.
    package static let standard = Console(
        isTerminal: isatty(STDERR_FILENO) == 1, width: width(of: STDOUT_FILENO), hasColours: wantsColours,
        output: { try write($0, to: STDOUT_FILENO) }, error: { try write($0, to: STDERR_FILENO) })

    /// The convention of NO_COLOR, which any text but none sets (https://no-color.org).
    private static var wantsColours: Bool {
        let (refusal, kind) = (variable("NO_COLOR"), variable("TERM"))
        return refusal.isEmpty && !kind.isEmpty && kind != "dumb"
    }

    private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    /// The width of the terminal behind the second stream; the usual one where there is none.
    static var columns: Int { width(of: STDERR_FILENO) ?? widthUsual }

    /// What terminals have that do not tell.
    private static let widthUsual = 80

    /// The width of the terminal behind a stream; nil where there is none.
    private static func width(of descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return widthUsual }
        return Int(size.ws_col)
    }

    /// Has the process tell no news any more: what a shell asks for while somebody types writes nothing into the line.
    package static func silenceNews() {
        let nothing = open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard nothing >= 0 else { return }
        dup2(nothing, STDERR_FILENO)
        close(nothing)
    }

    /// Writes lines of results.
    package func print(_ lines: String...) throws {
        for line in lines { try writeOutput(Array("\(Self.plain(line))\n".utf8)) }
    }

    /// Writes a line of results; tones are colours on a terminal, and nothing elsewhere.
    func print(_ pieces: [ToneText]) throws {
        let shows = hasColours && width != nil
        let line = pieces.map { piece in
            let text = Self.plain(piece.text)
            return shows ? piece.tone?.coloured(text) ?? text : text
        }
        try writeOutput(Array("\(line.joined())\n".utf8))
    }

    /// Writes a text of results whose line feeds are its own: help, a script, a page, a checkpoint.
    package func print(text: String) throws {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try writeOutput(Array(lines.map(Self.plain).joined(separator: "\n").utf8))
    }

    /// Writes one JSON document of results.
    package func print(json value: some Encodable) throws { try print(document: try JSON.pretty(value)) }

    /// Writes a JSON document of somebody else's as one of results; what it says stays the same.
    package func print(document: some StringProtocol) throws {
        try writeOutput(Array("\(Printable.escape(json: document))\n".utf8))
    }

    /// Writes a line of news. What cannot be told does not stop the work.
    package func note(_ line: String) {
        let text = Self.plain(line)
        let heads: [(word: String, tone: Tone)] = [("warning:", .doubtful), ("error:", .bad)]
        guard hasColours, isTerminal, let head = heads.first(where: { text.hasPrefix($0.word) }) else {
            return tell("\(text)\n")
        }
        tell("\(head.tone.coloured(head.word))\(text.dropFirst(head.word.count))\n")
    }

    /// Writes a line in place of the one that was drawn before it; on a terminal alone.
    func redraw(_ line: String) { tell(Self.lineStart + Self.plain(line)) }

    /// Takes the line that was drawn away; on a terminal alone.
    func clear() { tell(Self.lineStart) }

    /// To the begin of the line, and erase it (ECMA-48: EL).
    private static let lineStart = "\r\u{1B}[K"

    private static func plain(_ line: some StringProtocol) -> String { Printable.escape(line, limit: .max) }

    private func tell(_ text: String) { try? writeError(Array(text.utf8)) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                throw ClosedPipe()
            } else if errno != EINTR {
                throw AssayError(
                    .storageFailed, "the output cannot be written", reason: String(cString: strerror(errno)))
            }
        }
    }
}

/// Nobody reads the results any more, as behind `| head`; the command ends without a word.
package struct ClosedPipe: Error {
    package init() {}
}
