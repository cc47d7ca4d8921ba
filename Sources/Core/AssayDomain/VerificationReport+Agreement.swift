extension VerificationReport {
    /// How far a version answers as its teacher does, on the same samples; definitions: docs/formats/agreement.md.
    package struct Agreement: Sendable, Hashable, Codable {
        package var teacher: Subject?
        package let samples: Int
        package let figures: [String: AgreementFigure]
        /// What shares are of.
        package let counts: [String: Int]
        /// The teacher's own metrics on the same samples.
        package let metrics: [String: Double]
        /// The agreement by group and by the group's value.
        package var slices: [String: [String: AgreementFigure]]?
        /// Why figures are not among them, by their names.
        package var leftOut: [String: String]?
        /// The version's times over the teacher's.
        package var latency: ComparisonFigures?
        /// Why nothing could be compared.
        package var failure: String?

        package init(
            samples: Int, figures: [String: AgreementFigure], counts: [String: Int], metrics: [String: Double]
        ) {
            self.samples = samples
            self.figures = figures
            self.counts = counts
            self.metrics = metrics
        }

        /// Every name and sentence in it.
        package var names: [String] {
            let groups = slices ?? [:]
            return Array(figures.keys) + Array(counts.keys) + Array(metrics.keys) + Array(groups.keys)
                + groups.values.flatMap { Array($0.keys) } + (leftOut ?? [:]).flatMap { [$0.key, $0.value] }
                + [failure].compactMap(\.self)
        }

        /// Whether every number is one.
        package var isFinite: Bool {
            let all = Array(figures.values) + (slices ?? [:]).values.flatMap { Array($0.values) }
            return samples >= 0 && counts.values.allSatisfy { $0 >= 0 } && metrics.values.allSatisfy(\.isFinite)
                && all.allSatisfy { figure in
                    figure.value.isFinite && figure.samples >= 1
                        && (figure.bounds ?? []).allSatisfy { $0.lower.isFinite && $0.upper.isFinite }
                }
        }

        /// As tables show it: name, value, bounds at a confidence, samples.
        package func rows(confidence: Double) -> [[String]] {
            var rows = figures.sorted { $0.key < $1.key }.map { name, figure in
                [name, Figure.metric(figure.value), figure.text(confidence: confidence), "\(figure.samples)"]
            }
            for name in Latency.statistics {
                guard let ratio = latency?.ratios?[name] else { continue }
                let interval = ratio.lower.flatMap { lower in
                    ratio.upper.map { "\(Figure.ratio(lower)) to \(Figure.ratio($0))" }
                }
                rows.append(["latency_\(name)", Figure.ratio(ratio.ratio), interval ?? "", ""])
            }
            for (name, reason) in (leftOut ?? [:]).sorted(by: { $0.key < $1.key }) {
                rows.append([name, "left out", Printable.escape(reason, limit: 200), ""])
            }
            return rows
        }
    }

    /// One figure of agreement, and between what it lies.
    package struct AgreementFigure: Sendable, Hashable, Codable {
        package let value: Double
        package let samples: Int
        /// By rising confidence; each bound on its own holds with it.
        package let bounds: [DifferenceBound]?

        package init(value: Double, samples: Int, bounds: [DifferenceBound]?) {
            self.value = value
            self.samples = samples
            self.bounds = bounds
        }

        /// The bounds of the lowest confidence that is not below one; nil without any.
        package func bound(confidence: Double) -> DifferenceBound? {
            (bounds ?? []).first { $0.confidence >= confidence }
        }

        fileprivate func text(confidence: Double) -> String {
            bound(confidence: confidence).map { "\(Figure.metric($0.lower)) to \(Figure.metric($0.upper))" } ?? ""
        }
    }
}
