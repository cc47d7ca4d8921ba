import EvaluationProtocol
import ONNXRuntime

/// What a model answers to every sample, as it is compared with what another model answers.
struct AnswerTable {
    /// Scores of all samples above which they are not kept.
    static let scoresMax = 1 << 24

    /// The class that is predicted for each sample, by its name; empty for values.
    var predicted: [String] = []
    /// What the columns of `shares` stand for; nil if nobody says so, and then columns are compared by their place.
    var classes: [String]?
    /// Probabilities, row by row; empty if there are none.
    var shares: [Double] = []
    /// Why there are none.
    var sharesFault: String?
    /// Samples whose best score is that of several classes.
    var ties = 0
    /// How many scores there are for each sample, whether or not they are probabilities.
    var columnCount = 0
    /// Whether the classes are those that the model itself names.
    var isListed = false
    /// The numbers of a regression, row by row.
    var values: [Double] = []

    var width: Int { predicted.isEmpty ? 0 : shares.count / predicted.count }
}

/// The scores of a model as they come, batch by batch.
struct AnswerRows {
    private(set) var width = 0
    private(set) var rows: [Double] = []
    private(set) var list: [ClassLabel] = []
    /// The column of the best of several scores of each sample, the first of equal ones; kept where the scores are not.
    private(set) var best: [Int] = []
    private(set) var keys: [ClassLabel]?
    private(set) var classLabels: [ClassLabel]?
    private(set) var fault: String?

    /// Takes the answers of a batch at the outputs of roles; the first `skipped` samples were taken before.
    mutating func add(_ answers: [BatchAnswer], _ roles: OutputRoles, skipped: Int) {
        for (role, answer) in zip(roles.outputs, answers) {
            switch (role.form, answer) {
            case (.list, .tensor(let output)): list += (ClassLabel.list(output.elements) ?? []).dropFirst(skipped)
            case (.classLabels, .tensor(let output)): classLabels = ClassLabel.list(output.elements)
            case (.matrix(let width), .tensor(let output)): keep(output, width, skipped)
            case (.single, .tensor(let output)), (.other, .tensor(let output)):
                let samples = output.shape.first ?? 0
                keep(output, samples > 0 ? output.elements.count / samples : 0, skipped)
            case (.maps, .maps(let maps)): for map in maps.dropFirst(skipped) { keep(map) }
            default: continue
            }
        }
    }

    private mutating func keep(_ output: OnnxOutput, _ width: Int, _ skipped: Int) {
        guard case .floatingPoint(let values) = output.elements else { return }
        self.width = width
        take(values.dropFirst(skipped * width))
    }

    private mutating func keep(_ map: OnnxMap) {
        guard let classes = ClassLabel.list(map.keys) else { return }
        let keys = self.keys ?? classes.sorted()
        self.keys = keys
        width = keys.count
        let scores = Dictionary(zip(classes, map.values), uniquingKeysWith: { first, _ in first })
        take(keys.map { scores[$0] ?? 0 }[...])
    }

    private mutating func take(_ values: ArraySlice<Double>) {
        if width > 1 {
            for start in stride(from: values.startIndex, to: values.endIndex, by: width) {
                best.append((0..<width).reduce(0) { values[start + $1] > values[start + $0] ? $1 : $0 })
            }
        }
        guard fault == nil else { return }
        rows += values
        guard rows.count > AnswerTable.scoresMax else { return }
        rows = []
        fault = "there are over \(AnswerTable.scoresMax) scores"
    }

    /// The classes that the columns stand for as far as the model, or the data, says it.
    func columns(_ facts: ClassFacts, _ roles: OutputRoles) -> [ClassLabel]? {
        if let named = facts.columns, named.count == width { return named }
        if let keys { return keys }
        if let classLabels, classLabels.count == width { return classLabels }
        return roles.scores.flatMap { facts.classifierCodes(behind: $0.name, count: width) }
    }
}
