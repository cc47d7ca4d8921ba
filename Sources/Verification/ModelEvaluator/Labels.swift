import EvaluationProtocol
import ONNXRuntime

/// A class as labels and models name it: by a whole number or by a string.
enum ClassLabel: Hashable, Comparable {
    case number(Int)
    case text(String)

    static func == (left: ClassLabel, right: ClassLabel) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left == right
        case (.text(let left), .text(let right)): ByteName(left) == ByteName(right)
        case (.number, .text), (.text, .number): false
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .number(let number): hasher.combine(number)
        case .text(let text): hasher.combine(ByteName(text))
        }
    }

    /// Characters of the name of a class, and of the value of a group.
    static let lengthMax = 100

    var name: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): text
        }
    }

    /// Strings in the order of their bytes, as numpy and scikit-learn sort them.
    static func < (left: ClassLabel, right: ClassLabel) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left < right
        case (.text(let left), .text(let right)): left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
        case (.number, .text): true
        case (.text, .number): false
        }
    }

    /// The elements as classes; nil for floating point.
    static func list(_ elements: OnnxOutput.Elements) -> [ClassLabel]? {
        switch elements {
        case .integers(let numbers): numbers.map(ClassLabel.number)
        case .strings(let texts): texts.map(ClassLabel.text)
        case .floatingPoint: nil
        }
    }

    /// The names of classes as they are printed: what cannot be seen is escaped, and the empty name is in quotes.
    static func names(_ classes: [ClassLabel]) throws(EvaluationFailure) -> [String] {
        let names = classes.map(\.name)
        if let long = names.first(where: { $0.unicodeScalars.count > lengthMax }) {
            throw EvaluationFailure(
                .unsupportedType, "the class \(MessageText.quote(long)) has a name of over \(lengthMax) characters",
                remedy: "give classes shorter names")
        }
        let shown = names.map(MessageText.escaped)
        guard Set(shown.map { ByteName($0) }).count == Set(names.map { ByteName($0) }).count else {
            throw EvaluationFailure(
                .unsupportedType, "two classes have names that are printed alike",
                remedy: "give them names that differ in letters that can be seen")
        }
        return shown
    }
}

/// What the outputs should be.
enum Labels: Equatable {
    /// The expected class of each sample.
    case classes([ClassLabel])
    /// The expected values, row by row.
    case values([Double], columns: Int)
    /// Nobody says what they should be: they are compared with a teacher's.
    case none

    /// The labels of an array as the task sees them; with `auto` the element type decides.
    init(_ array: DatasetArray, task: EvaluationTask) throws(EvaluationFailure) {
        let subject = "the dataset's array \(MessageText.quote(array.name))"
        guard let rows = array.rowCount, rows > 0 else {
            throw EvaluationFailure(.invalidDataset, "\(subject) has no rows; at least one sample is needed")
        }
        let columns = array.shape.dropFirst().reduce(1, *)
        let classes = task == .regression ? nil : array.elements().flatMap(ClassLabel.list)
        if let classes {
            guard columns == 1 else {
                throw EvaluationFailure(
                    .invalidDataset,
                    "\(subject) has shape \(array.shape); one class per sample, shape [\(rows)], is expected",
                    remedy: "save one-hot labels as label.argmax(1); several labels per sample are not measured")
            }
            self = .classes(classes)
            return
        }
        guard task != .classification, columns > 0, let values = array.numbers() else {
            throw EvaluationFailure(
                .invalidDataset,
                "\(subject) holds \(array.elementType.name); "
                    + (task == .regression
                        ? "numbers are expected" : "strings or class numbers up to 2^63-1 are expected"),
                remedy: "save the labels of a classification as int64 or strings, those of a regression as float64")
        }
        guard values.allSatisfy(\.isFinite) else {
            throw EvaluationFailure(.invalidDataset, "\(subject) holds NaN or an infinity")
        }
        self = .values(values, columns: columns)
    }
}
