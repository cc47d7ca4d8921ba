import AssayDomain
import Synchronization

/// What a display shows at one moment.
struct ProgressState: Sendable, Equatable {
    /// `sent`, `received`, `measuring` …
    var label: String
    var done: Int64
    var total: Int64
    /// Whether the figures are bytes, which have a rate and an end in sight.
    var isBytes: Bool
}

/// Shows how far work is: a bar drawn over itself on a terminal, and a line now and then elsewhere.
final class ProgressDisplay: Sendable {
    private struct Drawn {
        var state: ProgressState?
        var startedAt: Duration?
        var startedDone: Int64 = 0
        var lastAt: Duration?
        var isOnScreen = false
    }

    /// At most ten drawings a second.
    private static let terminalPause = Duration.milliseconds(100)
    private static let linePause = Duration.seconds(5)

    private let console: Console
    /// Time since some moment; given by tests.
    private let now: @Sendable () -> Duration
    private let drawn = Mutex(Drawn())

    init(_ console: Console, now: (@Sendable () -> Duration)? = nil) {
        self.console = console
        let start = ContinuousClock.now
        self.now = now ?? { ContinuousClock.now - start }
    }

    /// Shows a state, unless the last one was shown just now.
    func show(_ state: ProgressState) {
        let text: String? = drawn.withLock { drawn in
            let time = now()
            if drawn.state?.label != state.label {
                drawn.startedAt = time
                drawn.startedDone = state.done
                drawn.lastAt = console.isTerminal ? nil : time
            }
            drawn.state = state
            let pause = console.isTerminal ? Self.terminalPause : Self.linePause
            if let last = drawn.lastAt, time - last < pause { return nil }
            drawn.lastAt = time
            drawn.isOnScreen = true
            // Escaped before it is cut to the width of the screen.
            var state = state
            state.label = Printable.escape(state.label)
            return line(state, seconds: Self.seconds(time - (drawn.startedAt ?? time)), from: drawn.startedDone)
        }
        guard let text else { return }
        if console.isTerminal {
            console.redraw(String(text.prefix(Console.columns - 1)))
        } else {
            console.note(text)
        }
    }

    /// Writes a line of news, not across the bar.
    func note(_ line: String) {
        end()
        console.note(line)
    }

    /// Takes the bar off the screen.
    func end() {
        let isOnScreen = drawn.withLock { drawn in
            let isOnScreen = drawn.isOnScreen
            drawn = Drawn()
            return isOnScreen
        }
        if isOnScreen, console.isTerminal { console.clear() }
    }

    private func line(_ state: ProgressState, seconds: Double, from start: Int64) -> String {
        let share = state.total > 0 ? Double(state.done) / Double(state.total) : 0
        let percent = "\(Int(min(1, max(0, share)) * 100))%"
        guard state.isBytes else {
            return "\(state.label) \(Self.bar(share)) \(percent)  \(state.done)/\(state.total)"
        }
        let rate = seconds > 0 ? Double(state.done - start) / seconds : 0
        var text =
            "\(state.label) \(Self.bar(share)) \(percent)  \(Figure.bytes(state.done)) of \(Figure.bytes(state.total))"
        if rate >= 1, rate < 1e15 {
            text += "  \(Figure.bytes(Int64(rate)))/s"
            text += "  \(Self.remaining(Double(max(0, state.total - state.done)) / rate)) left"
        }
        return text
    }

    private static func bar(_ share: Double) -> String {
        let width = 16
        let filled = Int(min(1, max(0, share)) * Double(width))
        return "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled) + "]"
    }

    /// `8 s`, `2 min 05 s`; long times are cut to hours.
    private static func remaining(_ seconds: Double) -> String {
        guard seconds < 360_000 else { return "days" }
        let whole = Int(seconds.rounded(.up))
        if whole < 60 { return "\(whole) s" }
        if whole < 3_600 { return "\(whole / 60) min \(whole % 60 < 10 ? "0" : "")\(whole % 60) s" }
        return "\(whole / 3_600) h \(whole / 60 % 60) min"
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}

/// Adds up how far several transfers are and shows the sum.
final class TransferMeter: Sendable {
    private let display: ProgressDisplay
    private let label: String
    private let total: Int64
    private let progress = Mutex(Progress())

    private struct Progress {
        var positions: [Int: Int64] = [:]
        var done: Int64 = 0
    }

    init(_ display: ProgressDisplay, label: String, total: Int64) {
        self.display = display
        self.label = label
        self.total = total
    }

    /// Where one transfer reports its position to.
    func reporter(of index: Int) -> @Sendable (Int64) -> Void {
        { position in self.report(index) { _ in position } }
    }

    /// Reports that one transfer has come further.
    func advance(_ index: Int, by count: Int64) { report(index) { $0 + count } }

    private func report(_ index: Int, _ position: (Int64) -> Int64) {
        let done = progress.withLock { progress in
            let last = progress.positions[index] ?? 0
            let next = position(last)
            progress.positions[index] = next
            progress.done += next - last
            return progress.done
        }
        display.show(ProgressState(label: label, done: min(done, total), total: total, isBytes: true))
    }
}
