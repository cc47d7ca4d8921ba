import AssayDomain
import Synchronization
import Testing

@testable import AssayCommands

extension Table {
    /// The lines as they are printed where there are no colours.
    fileprivate func lines(width: Int? = nil) -> [String] { rows(width: width).map { $0.map(\.text).joined() } }
}

struct OutputTests {
    @Test func `columns are aligned and no line ends in blanks`() {
        var table = Table("NAME", "SIZE")
        table.add("a", "1 B")
        table.add("longer", "")
        #expect(table.lines() == ["NAME    SIZE", "a       1 B", "longer"])
    }

    @Test func `a terminal gets rows that fit, and short times`() {
        var table = Table("VERSION", "CREATED", "WAIVED", "REASON")
        let reason = "a long reason that nobody can read in one line of eighty columns"
        table.add("team/some-longer-name:12", "2026-11-25T08:00:59.123Z", "-", reason)
        table.add("team/a:1", "2026-11-24T23:59:00.000Z", "-", "short")
        #expect(table.lines(width: 200)[1] == "team/some-longer-name:12  2026-11-25 08:00  -       \(reason)")
        let lines = table.lines(width: 80)
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines)")
        #expect(lines[0] == "VERSION                   CREATED           REASON")
        #expect(lines[1] == "team/some-longer-name:12  2026-11-25 08:00  a long reason that nobody can read …")
        #expect(lines[2] == "team/a:1                  2026-11-24 23:59  short")
        for width in 0..<200 {
            let lines = table.lines(width: width)
            #expect(width < 45 || lines.allSatisfy { $0.count <= width }, "\(width): \(lines)")
            #expect(lines[1].contains("2026-11-25 08:00"))
        }
    }

    @Test func `elsewhere nothing is cut`() {
        var table = Table("AT", "REASON")
        let reason = String(repeating: "word ", count: 20)
        table.add("2026-11-25T08:00:59.123Z", reason + "end")
        #expect(table.lines()[1] == "2026-11-25T08:00:59.123Z  \(reason)end")
    }

    @Test(arguments: [(true, 80), (false, 80), (true, nil)] as [(Bool, Int?)])
    func `a colour is of a standing, on a terminal that shows colours`(hasColours: Bool, width: Int?) throws {
        let captured = Captured()
        let console = captured.console(width: width, hasColours: hasColours)
        var table = Table("NAME", "STATUS")
        table.add("passed", "passed")
        table.add("\u{1B}[31mx", "failed")
        table.add("y", "fail\u{1B}[0med")
        try console.print(table)
        let lines = captured.output.split(separator: "\n").map(String.init)
        let shows = hasColours && width != nil
        #expect(lines[1] == "passed       " + (shows ? "\u{1B}[32mpassed\u{1B}[0m" : "passed"))
        #expect(lines[2] == #"\u{1b}[31mx  "# + (shows ? "\u{1B}[31mfailed\u{1B}[0m" : "failed"))
        #expect(lines[3] == #"y            fail\u{1b}[0med"#)
    }

    @Test func `a warning has a colour on a terminal, and what it says has none`() {
        let captured = Captured()
        captured.console(isTerminal: true, hasColours: true).note("warning: \u{1B}[31mred")
        captured.console(isTerminal: false, hasColours: true).note("warning: plain")
        #expect(captured.error == "\u{1B}[33mwarning:\u{1B}[0m " + #"\u{1b}[31mred"# + "\nwarning: plain\n")
    }

    @Test func `a cell cannot command a terminal`() {
        var table = Table("NAME")
        table.add("a\u{1B}[2Jb\nc")
        #expect(table.lines() == ["NAME", #"a\u{1b}[2Jb\u{a}c"#])
    }

    @Test func `an error tells what, why and what next, safely`() {
        let report = ErrorReport(AssayError(.tagInvalid, "bad", reason: "\u{1B}[31m", remedy: "do this"))
        #expect(report.lines == ["error: bad: \\u{1b}[31m", "  next: do this"])
        #expect(report.exitStatus == 2)
    }

    /// A clock that a test moves.
    private final class Time: Sendable {
        private let now = Mutex(Duration.zero)
        func advance(_ duration: Duration) { now.withLock { $0 += duration } }
        var read: @Sendable () -> Duration { { self.now.withLock { $0 } } }
    }

    private func bytes(_ done: Int64) -> ProgressState {
        ProgressState(label: "sending", done: done, total: 100 << 20, isBytes: true)
    }

    @Test func `a bar is drawn at most ten times a second and taken away`() {
        let (captured, time) = (Captured(), Time())
        let display = ProgressDisplay(captured.console(isTerminal: true), now: time.read)
        for step in 0..<100 {
            display.show(bytes(Int64(step) << 20))
            time.advance(.milliseconds(10))
        }
        display.end()
        #expect(captured.error.split(separator: "\r").count == 11)
        #expect(captured.error.contains("90%  90.0 MiB of 100.0 MiB  100.0 MiB/s  1 s left"))
        #expect(captured.error.hasSuffix("\r\u{1B}[K"))
    }

    @Test func `elsewhere a line comes every five seconds`() {
        let (captured, time) = (Captured(), Time())
        let display = ProgressDisplay(captured.console(), now: time.read)
        for step in 0..<100 {
            display.show(bytes(Int64(step) << 20))
            time.advance(.milliseconds(200))
        }
        display.end()
        let lines = captured.error.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(!captured.error.contains("\u{1B}") && lines[0].hasPrefix("sending ["))
    }

    @Test func `figures that make no sense do no harm`() {
        let (captured, time) = (Captured(), Time())
        let display = ProgressDisplay(captured.console(isTerminal: true), now: time.read)
        for (done, total) in [(Int64.max, Int64(1)), (-5, 0), (0, .max)] {
            time.advance(.seconds(1))
            display.show(ProgressState(label: "x", done: done, total: total, isBytes: true))
            display.show(ProgressState(label: "y", done: done, total: total, isBytes: false))
        }
        #expect(!captured.error.isEmpty)
    }

    @Test func `the sum of transfers is shown`() {
        let (captured, time) = (Captured(), Time())
        let display = ProgressDisplay(captured.console(isTerminal: true), now: time.read)
        let meter = TransferMeter(display, label: "sending", total: 40)
        meter.reporter(of: 0)(10)
        time.advance(.seconds(1))
        meter.reporter(of: 1)(10)
        #expect(captured.error.contains(" 50%  20 B of 40 B"))
    }
}

struct SaturatingSumTests {
    @Test func `claimed sizes beyond all bounds do not stop the program`() {
        #expect([Int64.max, 1, 5].saturatingSum() == .max)
        #expect([1, 2, 3].saturatingSum() == 6)
    }
}

/// Everything that is printed goes this way.
struct ConsoleTests {
    /// C0, DEL, C1, marks of direction and of joining, separators, tags, private use.
    private static let hidden =
        "\u{0}\t\r\u{1B}[31m\u{7F}\u{9B}\u{200B}\u{202E}\u{2066}\u{2028}\u{2029}\u{FEFF}\u{E0041}\u{E000}"
    private let captured = Captured()

    private func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            scalar == "\n"
                || ![.control, .format, .lineSeparator, .paragraphSeparator, .privateUse]
                    .contains(scalar.properties.generalCategory)
        }
    }

    @Test func `whatever is printed, no stream gets what a terminal obeys or what hides`() throws {
        let console = captured.console()
        try console.print(Self.hidden, "a\nb")
        try console.print(text: "a\n\(Self.hidden)\n")
        try console.print(json: [Self.hidden: Self.hidden])
        try console.print(document: "{\"\(Self.hidden)\":\"\u{2028}\"}")
        console.note(Self.hidden)
        console.note("a\nb")
        #expect(isPlain(captured.output) && isPlain(captured.error))
        #expect(captured.output.contains(#"a\u{a}b"#) && captured.error.hasSuffix("a\\u{a}b\n"))
    }

    @Test func `a document says the same after it was printed`() throws {
        let console = captured.console()
        let value = ["\u{202E}\u{E0041}\u{9B}\"\\": "a\n\u{1B}\u{FEFF}\\\""]
        try console.print(json: value)
        #expect(try JSON.decodeVerbatim([String: String].self, from: Array(captured.output.utf8)) == value)
    }

    @Test(arguments: [
        ("{\t\"a\": \"\u{202E}\"\r\n}", "{ \"a\": \"\\u202e\" \n}\n"),
        ("[\"\\\\\",\t\"\u{9B}\"]", "[\"\\\\\", \"\\u009b\"]\n"),
        ("\"\u{1BCA0}\"", "\"\\ud82f\\udca0\"\n"), ("\"a\tb\"", "\"a\\u0009b\"\n"),
    ])
    func `blanks of a document stay blanks, and texts are escaped as JSON has it`(document: String, printed: String)
        throws
    {
        try captured.console().print(document: document)
        #expect(captured.output == printed)
    }

    @Test func `a bar shows no label of a server's as it came`() {
        let display = ProgressDisplay(captured.console(isTerminal: true))
        display.show(ProgressState(label: Self.hidden, done: 1, total: 2, isBytes: false))
        display.show(ProgressState(label: "b" + Self.hidden, done: 1, total: 2, isBytes: true))
        display.end()
        #expect(isPlain(captured.error.replacing("\r\u{1B}[K", with: "")))
    }
}
