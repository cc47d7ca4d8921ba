import AssayDomain

/// How the times of single runs are spread, for one version or for two over each other.
struct LatencyChart {
    private static let pieces = 56
    /// Where the axis ends: the slowest run of a thousand others would press all of them into one corner.
    private static let lastQuantile = 99
    /// From how many times the fastest on the axis is logarithmic.
    private static let logarithmicFrom = 12.0
    private static let labelHeight = 13.0

    let id: String
    let title: String
    let series: [(name: String, latency: VerificationReport.Latency)]

    /// The drawing; nil if the reports have no quantiles.
    var chart: Chart? {
        let drawn = series.compactMap { item in
            Histogram.usable(item.latency.quantilesMicroseconds).map { (item.name, item.latency, $0) }
        }
        guard drawn.count == series.count, let first = drawn.first,
            let low = drawn.map({ $0.2[0] }).min(), let high = drawn.map({ $0.2[Self.lastQuantile] }).max()
        else { return nil }
        let frame = series.count > 1 ? Frame(top: 16) : Frame(right: 84, top: 50)
        let unit = TimeUnit(for: high)
        let axis = Self.axis(low, high, frame)
        let edges = axis.edges(Self.pieces)
        let shares = drawn.map { Histogram.shares(of: $0.2, between: edges) }
        let top = max(shares.flatMap { $0 }.max() ?? 0, 0.001)
        let share = Scale(0, top * 1.08, from: frame.bottom, to: frame.top)
        var chart = Chart(id: id, title: title, description: description(first.1, beyond: axis.high), frame: frame)
        let xTicks = axis.ticks(about: 8)
        let names = Scale.labels(xTicks.map { $0 / unit.microseconds })
        chart.xTicks = zip(xTicks, names).map { Chart.Tick(at: coordinate(axis.at($0)), label: $1) }
        let yTicks = share.ticks(about: 4)
        chart.yTicks = zip(yTicks, Scale.labels(yTicks.map { $0 * 100 })).map {
            Chart.Tick(at: coordinate(share.at($0)), label: $1)
        }
        chart.xTitle = "time of one run (\(unit.name)\(axis.isLogarithmic ? ", logarithmic" : ""))"
        chart.yTitle = "share of the runs (%)"
        for (index, shares) in shares.enumerated() {
            let outline = Self.outline(shares, edges: edges, axis, share)
            let floor = coordinate(frame.bottom)
            let look = Chart.look(index)
            chart.areas.append(
                .init(
                    shape: "M\(coordinate(frame.left)) \(floor)\(outline)L\(coordinate(frame.right)) \(floor)Z",
                    look: look))
            chart.lines.append(.init(shape: "M" + outline.dropFirst(), look: look))
        }
        if series.count > 1 {
            chart.legend = drawn.enumerated().map { .init(look: Chart.look($0.offset), words: $0.element.0) }
        } else {
            mark(first.1, on: &chart, axis)
        }
        return chart
    }

    private static func axis(_ low: Double, _ high: Double, _ frame: Frame) -> Scale {
        let isLogarithmic = low > 0 && high / low >= logarithmicFrom
        guard high > low else {
            // One time alone stands in the middle.
            return Scale(max(0, low * 0.9), max(low * 1.1, 1e-6), from: frame.left, to: frame.right)
        }
        let margin = (high - low) * 0.04
        return isLogarithmic
            ? Scale(low / 1.05, high * 1.1, from: frame.left, to: frame.right, isLogarithmic: true)
            : Scale(max(0, low - margin), high + margin * 2, from: frame.left, to: frame.right)
    }

    /// Steps along the tops of the pieces.
    private static func outline(_ shares: [Double], edges: [Double], _ axis: Scale, _ share: Scale) -> String {
        shares.indices.map { index in
            let y = coordinate(share.at(shares[index]))
            return "L\(coordinate(axis.at(edges[index]))) \(y)L\(coordinate(axis.at(edges[index + 1]))) \(y)"
        }.joined()
    }

    /// Lines at the figures that policies bound. Their names are steps down to the right, so that no line meets one.
    private func mark(_ latency: VerificationReport.Latency, on chart: inout Chart, _ axis: Scale) {
        for (row, name) in ["p99", "p90", "p50"].enumerated() {
            guard let value = latency.microseconds(of: name), value >= axis.low, value <= axis.high else { continue }
            let x = axis.at(value)
            let y = chart.frame.top - 8 - Double(row) * Self.labelHeight
            chart.rules.append(
                .init(
                    x1: coordinate(x), y1: coordinate(y - 9), x2: coordinate(x), y2: coordinate(chart.frame.bottom),
                    look: "mark"))
            chart.labels.append(
                .init(
                    x: coordinate(x + 4), y: coordinate(y), anchor: "start", look: "note",
                    words: "\(name) \(Figure.duration(value))"))
        }
    }

    private func description(_ latency: VerificationReport.Latency, beyond end: Double) -> String {
        var text =
            "Histogram of \(Quantity.grouped(latency.runs)) runs; half of them took at most "
            + "\(Figure.duration(latency.p50Microseconds)) and nine tenths at most "
            + "\(Figure.duration(latency.p90Microseconds))."
        if let slowest = latency.maxMicroseconds, slowest > end {
            text +=
                " Runs slower than \(Figure.duration(end)) lie outside of the picture; "
                + "the slowest took \(Figure.duration(slowest))."
        }
        return text
    }
}
