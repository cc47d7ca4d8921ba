import EvaluationProtocol
import ONNXModel
import ONNXRuntime

/// What is known of classes before a model answers: from the data, and from the model's file.
struct ClassFacts {
    /// Classes of a model's own, and who told them.
    struct Codes {
        let classes: [ClassLabel]
        let source: EvaluationResult.ClassSource
    }

    /// The classes that occur among the labels.
    let labels: Set<ClassLabel>
    /// What the dataset says that the columns of scores are.
    let columns: [ClassLabel]?
    /// What classifiers of the graph say, by the output that they are computed for.
    private let classifiers: ONNXClassLists?

    init(labels: [ClassLabel], columns: [ClassLabel]?, classifiers: ONNXClassLists? = nil) {
        self.labels = Set(labels)
        self.columns = columns
        self.classifiers = classifiers
    }

    /// The facts with what the model's file tells; one that cannot be read tells nothing here. Nil for a regression.
    init?(_ data: LabelledData, modelPath: String) {
        guard case .classes(let labels) = data.labels else { return nil }
        self.init(
            labels: labels, columns: data.columns,
            // Whatever is wrong with it is told where it is loaded; lists that are not known are not assumed.
            classifiers: try? ONNXClassLists(reading: FileSource(path: modelPath)))
    }

    /// Whether labels count from 0, as columns do: then the class 0 is among them.
    var areNumbered: Bool {
        labels.contains(.number(0))
            && labels.allSatisfy { if case .number(let number) = $0 { number >= 0 } else { false } }
    }

    /// Whether labels count from 0 and each is below a number of classes.
    func areNumbered(below count: Int) -> Bool {
        areNumbered && labels.allSatisfy { if case .number(let number) = $0 { number < count } else { false } }
    }

    /// The one list of so many classes that classifiers behind an output tell.
    func classifierCodes(behind output: String, count: Int) -> [ClassLabel]? {
        let lists = (classifiers?.lists(behind: output) ?? []).filter { $0.count == count }
        guard let list = lists.first, lists.count == 1 else { return nil }
        let classes: [ClassLabel] =
            switch list {
            case .numbers(let numbers): numbers.map { .number(Int($0)) }
            case .texts(let texts): texts.map(ClassLabel.text)
            }
        return Set(classes).count == classes.count ? classes : nil
    }

    /// The one list of classes that classifiers behind an output tell.
    func classifierCodes(behind output: String) -> [ClassLabel]? {
        let counts = Set((classifiers?.lists(behind: output) ?? []).map(\.count))
        return counts.count == 1 ? counts.first.flatMap { classifierCodes(behind: output, count: $0) } : nil
    }

    /// The outputs that could be scores of these classes.
    ///
    /// Where it is known how many classes there are, what has another number of scores is none, and of several outputs
    /// the one counts that a classifier of so many classes is behind: an embedding is no row of scores.
    func scores(among outputs: [OutputRoles.Output], classLabels: [ClassLabel]?) -> [OutputRoles.Output] {
        let fitting = outputs.filter { output in
            switch output.form {
            case .maps: true
            case .single: labels.count <= 2 && (columns ?? classLabels).map { $0.count == 2 } ?? true
            case .matrix(let width): fits(width, classLabels)
            case .list, .classLabels, .other: false
            }
        }
        guard fitting.count > 1 else { return fitting }
        let told = fitting.filter { output in
            guard case .matrix(let width) = output.form else { return false }
            return classifierCodes(behind: output.name, count: width) != nil
        }
        return told.count == 1 ? told : fitting
    }

    private func fits(_ width: Int, _ classLabels: [ClassLabel]?) -> Bool {
        if let known = columns ?? classLabels { return known.count == width }
        return width >= labels.count
    }

    /// What a person is told to do where classes cannot be matched.
    static let remedy =
        "name the classes in an array 'classes' of the dataset: one for each column of scores, in their order"
}
