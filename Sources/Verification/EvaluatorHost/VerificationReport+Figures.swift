import AssayDomain
import EvaluationProtocol

/// Figures of the evaluator as a report keeps them.
extension VerificationReport.ClassFigures {
    init(_ figures: EvaluationProtocol.ClassFigures) {
        self.init(
            class: figures.name, samples: figures.samples, precision: figures.precision, recall: figures.recall,
            f1: figures.f1)
    }
}

extension VerificationReport.PairedFigures {
    init(_ figures: EvaluationProtocol.PairedFigures) {
        self.init(
            resamples: figures.resamples, metrics: figures.metrics.mapValues(VerificationReport.PairedMetric.init),
            mcnemar: figures.mcNemar.map {
                VerificationReport.McNemar(n01: $0.n01, n10: $0.n10, pWorse: $0.pWorse, pBetter: $0.pBetter)
            })
    }
}

extension VerificationReport.PairedMetric {
    init(_ figures: EvaluationProtocol.PairedMetric) {
        self.init(
            baseline: figures.baseline, difference: figures.difference,
            bounds: figures.bounds.map {
                VerificationReport.DifferenceBound(confidence: $0.confidence, lower: $0.lower, upper: $0.upper)
            })
    }
}

extension VerificationReport.Judged {
    init(_ judged: EvaluationResult.Judged) {
        func name(_ name: String) -> String { Printable.escape(name, limit: 200) }
        self.init(
            labels: judged.labels.map(name), classes: judged.classes.map(name),
            predictions: judged.predictions.map(name), scores: judged.scores.map(name))
        classesFrom = judged.classesFrom?.rawValue
        scoreKind = judged.scoreKind.flatMap { AssayDomain.ScoreKind(rawValue: $0.rawValue) }
        argmaxDiffers = judged.argmaxDiffers
    }
}

extension VerificationReport.Agreement {
    /// Nil where there was no teacher.
    init?(
        _ result: EvaluationResult,
        latency: (EvaluationProtocol.ComparisonFigures) -> VerificationReport.ComparisonFigures
    ) {
        let figures = result.teacher
        guard figures != nil || result.teacherFailure != nil else { return nil }
        func text(_ text: String) -> String { Printable.escape(text, limit: 400) }
        self.init(
            samples: figures?.samples ?? 0,
            figures: (figures?.figures ?? [:]).mapValues(VerificationReport.AgreementFigure.init),
            counts: figures?.counts ?? [:], metrics: figures?.metrics ?? [:])
        slices = figures?.slices?.mapValues { $0.mapValues(VerificationReport.AgreementFigure.init) }
        leftOut = figures.flatMap { $0.leftOut.isEmpty ? nil : $0.leftOut.mapValues(text) }
        self.latency = figures?.latency.map(latency)
        failure = result.teacherFailure.map(text)
    }
}

extension VerificationReport.AgreementFigure {
    init(_ figure: EvaluationProtocol.AgreementFigure) {
        self.init(
            value: figure.value, samples: figure.samples,
            bounds: figure.bounds?.map {
                VerificationReport.DifferenceBound(confidence: $0.confidence, lower: $0.lower, upper: $0.upper)
            })
    }
}

extension VerificationReport.BatchInvariance {
    init(_ found: EvaluationResult.BatchInvariance) {
        self.init(
            batch: found.batch, otherBatches: found.otherBatches, samples: found.samples, exact: found.isExact,
            maxDifference: found.maxDifference, fault: found.fault.map { Printable.escape($0, limit: 400) })
    }
}
