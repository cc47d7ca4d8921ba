/// The metrics of one model's answers, for any choice of the samples.
///
/// A weight says how often a sample counts. All ones give the metrics of the dataset, ones and zeros those of a slice,
/// and the counts of a drawing with replacement those of a resample: one formula for all three.
protocol MetricScorer {
    var sampleCount: Int { get }
    /// What one evaluation costs, in steps that are about as long as adding a number.
    var cost: Int { get }
    /// Every metric that is defined over the chosen samples, by its wire name; one weight per sample, none negative.
    func values(weights: [Int]) -> [String: Double]
}

extension MetricScorer {
    /// The metrics over all samples.
    func values() -> [String: Double] { values(weights: [Int](repeating: 1, count: sampleCount)) }
}
