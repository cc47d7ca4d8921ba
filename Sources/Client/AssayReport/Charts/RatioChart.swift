import AssayDomain

/// Ratios of latency against a baseline: every pair of sessions, their median and where it lies for sure.
struct RatioChart {
    private static let rowHeight = 38.0
    /// Farther out than this the axis is logarithmic, so that all of it is seen and the middle is still told apart.
    private static let linear = 0.5...2.0

    let ratios: [String: VerificationReport.Ratio]
    let bounds: [String: Double]
    let subject: String
    let baseline: String
    let id: String

    /// The drawing; nil if there are no ratios.
    var chart: Chart? {
        let names = VerificationReport.Latency.statistics.filter { ratios[$0] != nil }
        guard !names.isEmpty else { return nil }
        let frame = Frame(height: Double(names.count) * Self.rowHeight + 76, left: 58, right: 24, top: 26)
        var values: [Double] = []
        for name in names {
            guard let ratio = ratios[name] else { continue }
            values += ratio.sessions
            values += [ratio.ratio, ratio.lower, ratio.upper, bounds[name]].compactMap { $0 }
        }
        values = values.filter { $0.isFinite && $0 > 0 }
        let axis = Self.axis(min(values.min() ?? 1, 0.98), max(values.max() ?? 1, 1.02), frame)
        var chart = Chart(
            id: id, title: "Ratio of latency to the baseline", description: description(names),
            frame: frame)
        let ticks = axis.ticks(about: 7)
        // Over many powers of ten each has as many decimals as it needs.
        let labels = axis.isLogarithmic ? ticks.map(Quantity.plain) : Scale.labels(ticks)
        chart.xTicks = zip(ticks, labels).map { Chart.Tick(at: coordinate(axis.at($0)), label: $1 + "x") }
        chart.xTitle =
            "time of \(subject) over time of the baseline" + (axis.isLogarithmic ? " (logarithmic)" : "")
        let one = coordinate(axis.at(1))
        chart.rules = [
            .init(x1: one, y1: coordinate(frame.top - 6), x2: one, y2: coordinate(frame.bottom), look: "even")
        ]
        chart.labels = [
            .init(x: one, y: coordinate(frame.top - 11), anchor: "middle", look: "note", words: "equally fast")
        ]
        for (index, name) in names.enumerated() {
            let y = frame.top + (Double(index) + 0.5) * Self.rowHeight
            row(name, at: y, axis, on: &chart)
        }
        chart.legend = [
            .init(look: "pair", words: "one pair of sessions"), .init(look: "median", words: "median and its interval"),
        ]
        if !bounds.isEmpty { chart.legend.append(.init(look: "bound", words: "most that was allowed")) }
        return chart
    }

    private static func axis(_ least: Double, _ most: Double, _ frame: Frame) -> Scale {
        guard linear.contains(least), linear.contains(most) else {
            return Scale(least / 1.1, most * 1.1, from: frame.left, to: frame.right, isLogarithmic: true)
        }
        let margin = (most - least) * 0.06
        return Scale(least - margin, most + margin, from: frame.left, to: frame.right)
    }

    private func row(_ name: String, at y: Double, _ axis: Scale, on chart: inout Chart) {
        guard let ratio = ratios[name] else { return }
        chart.yTicks.append(Chart.Tick(at: coordinate(y), label: name))
        chart.dots += ratio.sessions.map {
            .init(x: coordinate(axis.at($0)), y: coordinate(y + 8), radius: "2.6", look: "pair")
        }
        if let lower = ratio.lower, let upper = ratio.upper {
            chart.rules.append(
                .init(
                    x1: coordinate(axis.at(lower)), y1: coordinate(y - 3), x2: coordinate(axis.at(upper)),
                    y2: coordinate(y - 3), look: "interval"))
        }
        chart.dots.append(
            .init(x: coordinate(axis.at(ratio.ratio)), y: coordinate(y - 3), radius: "4.6", look: "median"))
        if let bound = bounds[name] {
            let x = coordinate(axis.at(bound))
            chart.rules.append(.init(x1: x, y1: coordinate(y - 14), x2: x, y2: coordinate(y + 14), look: "bound"))
        }
    }

    private func description(_ names: [String]) -> String {
        let parts = names.compactMap { name in ratios[name].map { "\(name) \(Figure.ratio($0.ratio))" } }
        return "Median ratios to \(baseline): \(parts.joined(separator: ", "))."
    }
}
