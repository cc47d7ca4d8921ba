package import CoreMetrics
import Foundation
import Synchronization

/// A metrics backend that keeps counters, gauges and histograms in memory and writes them as Prometheus text.
///
/// Source: Prometheus exposition format 0.0.4. Labels are bounded by those who record; series beyond a limit are
/// dropped.
package final class PrometheusMetrics: MetricsFactory, Sendable {
    /// The most series kept, so that a fault of ours cannot make memory grow without bound.
    private static let seriesMax = 10_000

    private let series = Mutex<[SeriesName: Series]>([:])

    package init() {}

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { .init(.counter) }
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions) { .init(aggregate ? .histogram : .gauge) }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions) { .init(.histogram) }
    }

    // Series live as long as the process: what was counted stays counted.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    /// All series, sorted, as a scrape wants them.
    package var text: String {
        let sorted = series.withLock { $0.sorted { $0.key < $1.key } }
        var lines: [String] = []
        var lastLabel: String?
        for (name, series) in sorted {
            if name.label != lastLabel { lines.append("# TYPE \(name.label) \(series.kind.rawValue)") }
            lastLabel = name.label
            lines += series.lines(name)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func series(_ label: String, _ dimensions: [(String, String)], _ make: () -> Series) -> Series {
        let name = SeriesName(label: label, dimensions: dimensions)
        return series.withLock { all in
            if let known = all[name] { return known }
            let new = make()
            if all.count < Self.seriesMax { all[name] = new }
            return new
        }
    }
}

/// A label with its dimensions, in the form of a sample line.
private struct SeriesName: Hashable, Comparable {
    let label: String
    /// `method="GET",route="/v2/"`
    let dimensions: String

    init(label: String, dimensions: [(String, String)]) {
        self.label = label
        self.dimensions = dimensions.map { name, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(name)=\"\(escaped)\""
        }.joined(separator: ",")
    }

    static func < (left: SeriesName, right: SeriesName) -> Bool {
        (left.label, left.dimensions) < (right.label, right.dimensions)
    }

    func sample(_ suffix: String, _ value: String, extra: String? = nil) -> String {
        let all = [dimensions, extra ?? ""].filter { !$0.isEmpty }.joined(separator: ",")
        return "\(label)\(suffix)\(all.isEmpty ? "" : "{\(all)}") \(value)"
    }
}

/// The values of one series. Timers record nanoseconds and are written in seconds, the base unit.
private final class Series: CounterHandler, RecorderHandler, TimerHandler, Sendable {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private struct State {
        var value = 0.0
        var count: Int64 = 0
        var buckets = [Int64](repeating: 0, count: Series.bounds.count)
    }

    /// Upper bounds of the buckets, in seconds.
    private static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

    let kind: Kind
    private let state = Mutex(State())

    init(_ kind: Kind) { self.kind = kind }

    func increment(by amount: Int64) { state.withLock { $0.value += Double(amount) } }
    func reset() { state.withLock { $0 = State() } }
    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func record(_ value: Double) {
        state.withLock { state in
            guard kind == .histogram else {
                state.value = value
                return
            }
            state.value += value
            state.count += 1
            if let bucket = Self.bounds.firstIndex(where: { value <= $0 }) { state.buckets[bucket] += 1 }
        }
    }

    func lines(_ name: SeriesName) -> [String] {
        let state = state.withLock { $0 }
        guard kind == .histogram else { return [name.sample("", "\(state.value)")] }
        var total: Int64 = 0
        let buckets = zip(Self.bounds, state.buckets).map { bound, count in
            total += count
            return name.sample("_bucket", "\(total)", extra: "le=\"\(bound)\"")
        }
        return buckets + [
            name.sample("_bucket", "\(state.count)", extra: "le=\"+Inf\""), name.sample("_sum", "\(state.value)"),
            name.sample("_count", "\(state.count)"),
        ]
    }
}
