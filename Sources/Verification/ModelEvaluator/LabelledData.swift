import EvaluationProtocol
import ONNXRuntime

/// A dataset of samples and what should come out for each: a `.npz` archive.
struct LabelledData {
    /// Arrays of this prefix divide the samples into slices: `group_region`.
    static let groupPrefix = "group_"
    /// The array that names the columns of a model's scores.
    static let classesName = "classes"
    static let slicesMax = 1_000

    let arrays: NpzDataset
    let rule: InputRule
    let labels: Labels
    /// Samples, at least 1.
    let rows: Int
    /// What the columns of a matrix of scores stand for; nil if they are the numbers from 0 on.
    let columns: [ClassLabel]?
    /// The value of each sample by group, without the prefix.
    let groups: [String: [String]]

    /// Reads the labels, what describes them, and the arrays of the named inputs.
    init(_ job: EvaluationJob, inputs: Set<String>) throws(EvaluationFailure) {
        let rule = InputRule(labelName: job.labelName, named: job.inputs)
        let label = ByteName(job.labelName)
        let fed = Set(inputs.map { ByteName($0) }).filter { !rule.isReserved($0) }
        func isGroup(_ name: ByteName) -> Bool { name.hasPrefix(Self.groupPrefix) && name != label }
        arrays = try NpzDataset(
            path: job.datasetPath,
            wanted: { fed.contains($0) || $0 == label || $0 == ByteName(Self.classesName) || isGroup($0) },
            bytesMax: job.limits.memoryBytes / 2)
        try rule.checkNames(arrays.names)
        self.rule = rule
        let longest = arrays.arrays.filter { fed.contains($0.key) }.compactMap(\.value.rowCount).max()
        let array = arrays.arrays[label]
        // A teacher's answers are something to compare with where nobody says what is right.
        guard array != nil || job.teacherModelPath != nil && (longest ?? 0) > 0 else {
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset has no array \(MessageText.quote(job.labelName)) of labels; "
                    + "it has \(MessageText.list(arrays.names))")
        }
        labels = try array.map { array throws(EvaluationFailure) in try Labels(array, task: job.task) } ?? .none
        rows = array?.rowCount ?? longest ?? 0
        columns = try arrays.arrays[ByteName(Self.classesName)].map(Self.columns)
        var groups: [String: [String]] = [:]
        for (name, array) in arrays.arrays where isGroup(name) {
            let group = String(name.text.dropFirst(Self.groupPrefix.count))
            guard groups.updateValue(try Self.values(of: array, rows: rows), forKey: group) == nil else {
                throw EvaluationFailure(
                    .invalidDataset,
                    "the dataset has two groups \(MessageText.quote(group)) that differ only in how letters are "
                        + "composed")
            }
        }
        let slices = groups.values.reduce(0) { $0 + Set($1).count }
        guard slices <= Self.slicesMax else {
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset's groups have \(slices) values; together they may have \(Self.slicesMax)")
        }
        self.groups = groups
    }

    private static func columns(_ array: DatasetArray) throws(EvaluationFailure) -> [ClassLabel] {
        guard array.shape.count == 1, let classes = array.elements().flatMap(ClassLabel.list),
            Set(classes).count == classes.count
        else {
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset's array \(MessageText.quote(array.name)) must be a list of different whole numbers or "
                    + "strings: one for each column of scores")
        }
        return classes
    }

    private static func values(of array: DatasetArray, rows: Int) throws(EvaluationFailure) -> [String] {
        let subject = "the dataset's array \(MessageText.quote(array.name))"
        guard let elements = array.elements().flatMap(ClassLabel.list), elements.count == rows, array.rowCount == rows
        else {
            throw EvaluationFailure(
                .invalidDataset,
                "\(subject) is \(array.elementType.name) \(array.shape); a group needs a whole number, bool or string "
                    + "for each of \(rows) samples")
        }
        let values = elements.map(\.name)
        guard MessageText.isName(array.name, lengthMax: ClassLabel.lengthMax) else {
            throw EvaluationFailure(
                .invalidDataset,
                "\(subject) has a name of over \(ClassLabel.lengthMax) characters, or one that cannot be printed",
                remedy: "call it group_NAME by a name that can be seen")
        }
        guard values.allSatisfy({ $0.unicodeScalars.count <= ClassLabel.lengthMax }) else {
            throw EvaluationFailure(
                .invalidDataset, "\(subject) has a value of over \(ClassLabel.lengthMax) characters",
                remedy: "give groups shorter values")
        }
        let shown = values.map(MessageText.escaped)
        guard Set(shown.map { ByteName($0) }).count == Set(values.map { ByteName($0) }).count else {
            throw EvaluationFailure(
                .invalidDataset, "\(subject) has two values that are printed alike",
                remedy: "give them values that differ in letters that can be seen")
        }
        return shown
    }
}
