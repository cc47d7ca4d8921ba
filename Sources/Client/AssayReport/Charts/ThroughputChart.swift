import AssayDomain

/// Samples per second by batch size, a line for each number of threads; by threads if there is one batch size.
struct ThroughputChart {
    private static let labelGap = 13.0

    let points: [VerificationReport.SweepPoint]

    /// The drawing; nil for a single point, which is no picture.
    var chart: Chart? {
        let batches = Set(points.map(\.batch)).sorted()
        let threads = Set(points.map(\.threads)).sorted()
        guard batches.count > 1 || threads.count > 1 else { return nil }
        let isByBatch = batches.count > 1
        let steps = isByBatch ? batches : threads
        let most = points.map(\.latency.throughput).filter(\.isFinite).max() ?? 0
        let frame = Frame(right: 92, top: 16)
        let rate = Scale(0, max(most, 1e-9) * 1.08, from: frame.bottom, to: frame.top)
        let inset = 18.0
        let axis = Scale(
            Double(steps[0]), Double(steps[steps.count - 1]), from: frame.left + inset, to: frame.right - inset,
            isLogarithmic: true)
        var chart = Chart(
            id: "throughput-chart", title: isByBatch ? "Throughput by batch size" : "Throughput by threads",
            description: "The most is \(Quantity.rate(most)) samples per second; every point is in the table below.",
            frame: frame)
        chart.xTicks = Self.spaced(steps, axis).map { Chart.Tick(at: coordinate(axis.at(Double($0))), label: "\($0)") }
        chart.xTitle = isByBatch ? "samples per run (batch size, logarithmic)" : "threads (logarithmic)"
        let (divisor, unit) = most >= 1e7 ? (1e6, "million ") : most >= 1e4 ? (1e3, "thousand ") : (1, "")
        let yTicks = rate.ticks(about: 4)
        chart.yTicks = zip(yTicks, Scale.labels(yTicks.map { $0 / divisor })).map {
            Chart.Tick(at: coordinate(rate.at($0)), label: $1)
        }
        chart.yTitle = "\(unit)samples per second"
        var ends: [(y: Double, label: String, look: String)] = []
        for (index, count) in (isByBatch ? threads : [0]).enumerated() {
            let line = points.filter { !isByBatch || $0.threads == count }
                .map { (axis.at(Double(isByBatch ? $0.batch : $0.threads)), rate.at($0.latency.throughput)) }
                .sorted { $0.0 < $1.0 }
            let look = Chart.look(index)
            let path = line.map { "\(coordinate($0.0)) \(coordinate($0.1))" }.joined(separator: "L")
            chart.lines.append(.init(shape: "M" + path, look: look))
            chart.dots += line.map { .init(x: coordinate($0.0), y: coordinate($0.1), radius: "3.5", look: look) }
            if isByBatch, let last = line.last { ends.append((last.1, Quantity.threads(count), look)) }
        }
        chart.labels = Self.labels(ends, in: frame)
        return chart
    }

    /// Steps whose labels do not run into each other, the first one and the last one among them.
    private static func spaced(_ steps: [Int], _ axis: Scale) -> [Int] {
        var kept: [Int] = []
        for step in steps {
            let isFree = kept.last.map { axis.at(Double(step)) - axis.at(Double($0)) >= 26 } ?? true
            if isFree {
                kept.append(step)
            } else if step == steps.last, kept.count > 1 {
                kept[kept.count - 1] = step
            }
        }
        return kept
    }

    /// Names at the ends of the lines, moved apart.
    private static func labels(_ ends: [(y: Double, label: String, look: String)], in frame: Frame) -> [Chart.Label] {
        let sorted = ends.sorted { $0.y < $1.y }
        var places = sorted.map(\.y)
        for index in places.indices.dropFirst() { places[index] = max(places[index], places[index - 1] + labelGap) }
        let excess = max(0, (places.last ?? 0) - frame.bottom)
        return zip(sorted, places).map { end, y in
            .init(
                x: coordinate(frame.right - 8), y: coordinate(y - excess + 4), anchor: "start",
                look: "note \(end.look)",
                words: end.label)
        }
    }
}
