import AssayDomain

/// Differences of metrics from a baseline's, and between what each lies for sure.
struct DifferenceChart {
    /// A metric with its difference.
    struct Row {
        let name: String
        let metric: VerificationReport.PairedMetric
        let bound: VerificationReport.DifferenceBound?

        /// How far out its drawing goes.
        var reach: Double {
            [metric.difference, bound?.lower, bound?.upper].compactMap { $0 }.map(abs).max() ?? 0
        }

        /// The version gets better or worse for sure; nil where the interval lies on both sides.
        var isBetter: Bool? {
            guard let bound else { return nil }
            let sign = Metric.direction(of: name) == .higherIsBetter ? 1.0 : -1.0
            let (low, high) = (min(bound.lower * sign, bound.upper * sign), max(bound.lower * sign, bound.upper * sign))
            return low > 0 ? true : high < 0 ? false : nil
        }
    }

    private static let rowHeight = 30.0
    private static let labelCharactersMax = 24
    /// Metrics of other sizes are drawn by themselves; so many drawings are the most.
    private static let chartsMax = 3

    /// A drawing for all metrics that are shares, and one for each size of the others.
    static func charts(of rows: [Row], subject: String, baseline: String, id: String) -> [Chart] {
        let drawn = rows.filter { $0.reach.isFinite }
        let sizes = Dictionary(grouping: drawn) { row in
            abs(row.metric.baseline) <= 1 && row.reach <= 1 ? Int.min : Quantity.decimalExponent(of: row.reach)
        }
        return sizes.sorted { $0.key < $1.key }.prefix(chartsMax).enumerated().map { index, group in
            DifferenceChart(
                rows: group.value, subject: subject, baseline: baseline,
                id: "difference-chart\(id)" + (index == 0 ? "" : "-\(index + 1)")
            ).chart
        }
    }

    private let rows: [Row]
    private let subject: String
    private let baseline: String
    private let id: String

    private var chart: Chart {
        let frame = Frame(height: Double(rows.count) * Self.rowHeight + 76, left: 172, right: 24, top: 26)
        let reach = max(rows.map(\.reach).max() ?? 0, 1e-300) * 1.08
        let axis = Scale(-reach, reach, from: frame.left, to: frame.right)
        var chart = Chart(
            id: id, title: "Difference of metrics from the baseline", description: description, frame: frame)
        let ticks = axis.ticks(about: 6)
        chart.xTicks = zip(ticks, Scale.labels(ticks)).map { Chart.Tick(at: coordinate(axis.at($0)), label: $1) }
        chart.xTitle = "\(subject) minus \(baseline)"
        let zero = coordinate(axis.at(0))
        chart.rules = [
            .init(x1: zero, y1: coordinate(frame.top - 6), x2: zero, y2: coordinate(frame.bottom), look: "even")
        ]
        chart.labels = [
            .init(x: zero, y: coordinate(frame.top - 11), anchor: "middle", look: "note", words: "no difference")
        ]
        for (index, row) in rows.enumerated() {
            draw(row, at: frame.top + (Double(index) + 0.5) * Self.rowHeight, axis, on: &chart)
        }
        chart.legend = [
            .init(look: "better", words: "better"), .init(look: "worse", words: "worse"),
            .init(look: "undecided", words: "not decided"),
        ]
        return chart
    }

    private func draw(_ row: Row, at y: Double, _ axis: Scale, on chart: inout Chart) {
        let look = row.isBetter.map { $0 ? "better" : "worse" } ?? "undecided"
        chart.yTicks.append(
            Chart.Tick(at: coordinate(y), label: Printable.escape(row.name, limit: Self.labelCharactersMax)))
        if let bound = row.bound {
            chart.rules.append(
                .init(
                    x1: coordinate(axis.at(bound.lower)), y1: coordinate(y), x2: coordinate(axis.at(bound.upper)),
                    y2: coordinate(y), look: "interval \(look)"))
        }
        chart.dots.append(
            .init(x: coordinate(axis.at(row.metric.difference)), y: coordinate(y), radius: "4.6", look: look))
    }

    private var description: String {
        let parts = rows.map {
            "\(Printable.escape($0.name, limit: 100)) \(Quantity.difference($0.metric.difference))"
        }
        return "Differences to \(baseline): \(parts.joined(separator: ", "))."
    }
}
