import AssayDomain

/// Ratios of latency against a baseline: every pair of sessions, their median and where it lies for sure.
struct RatioChart {
    private static let rowHeight = 38.0
    /// Farther out nothing is told apart any more; what lies there is drawn at the edge.
    private static let range = 0.25...4.0

    let ratios: [String: VerificationReport.Ratio]
    let bounds: [String: Double]
    let baseline: String

    /// The drawing; nil if there are no ratios.
    var chart: Chart? {
        let names = VerificationReport.Latency.statistics.filter { ratios[$0] != nil }
        guard !names.isEmpty else { return nil }
        let frame = Frame(height: Double(names.count) * Self.rowHeight + 76, left: 58, right: 24, top: 26)
        let values = names.flatMap { name in
            (ratios[name].map { $0.sessions + [$0.ratio, $0.lower, $0.upper].compactMap { $0 } } ?? [])
                + [bounds[name]].compactMap { $0 }
        }.map { min(max($0, Self.range.lowerBound), Self.range.upperBound) }
        let (least, most) = (min(values.min() ?? 1, 0.98), max(values.max() ?? 1, 1.02))
        let margin = (most - least) * 0.06
        let axis = Scale(least - margin, most + margin, from: frame.left, to: frame.right)
        var chart = Chart(
            id: "comparison-chart", title: "Ratio of latency to the baseline", description: description(names),
            frame: frame)
        let ticks = axis.ticks(about: 7)
        chart.xTicks = zip(ticks, Scale.labels(ticks)).map {
            Chart.Tick(at: coordinate(axis.at($0)), label: $1 + "x")
        }
        chart.xTitle = "time of this version over time of the baseline"
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
