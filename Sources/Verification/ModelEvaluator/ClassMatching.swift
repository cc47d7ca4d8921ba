import EvaluationProtocol

/// What the columns of scores stand for, and who says so.
struct ClassColumns {
    let classes: [ClassLabel]
    let source: EvaluationResult.ClassSource
}

/// Matches what a model answers with the classes of the labels: by what the dataset or the model says, or by what all
/// of the data shows. Nothing is assumed; what cannot be matched for sure is refused.
struct ClassMatching {
    let facts: ClassFacts
    let roles: OutputRoles
    /// What the model's output of this name answers.
    let classLabels: [ClassLabel]?
    /// The keys of the model's maps, sorted.
    let keys: [ClassLabel]?

    // MARK: Columns

    /// The classes of the columns of a model that has no list of classes.
    func columns(width: Int) throws(EvaluationFailure) -> ClassColumns {
        let codes = codes(width: width)
        if let named = facts.columns { return try namedColumns(named, width: width, codes?.classes) }
        if let codes {
            guard facts.labels.isSubset(of: codes.classes) else { throw unknownLabel(codes.classes) }
            return ClassColumns(classes: codes.classes, source: codes.source)
        }
        guard facts.areNumbered(below: width) else { throw unmatched(width) }
        return ClassColumns(classes: (0..<width).map(ClassLabel.number), source: .numbers)
    }

    /// The classes of the columns of a model whose list of classes came to these predictions.
    func columns(
        width: Int, rows: [Double], beside predicted: [ClassLabel]?
    ) throws(EvaluationFailure) -> ClassColumns {
        guard let predicted else { return try columns(width: width) }
        let shown = shownColumns(rows, width: width, predicted)
        let said: ClassColumns?
        if let named = facts.columns {
            said = try namedColumns(named, width: width, codes(width: width)?.classes)
        } else if let codes = codes(width: width), Set(predicted).isSubset(of: codes.classes) {
            // The runtime gives the scores of some classifiers of two classes in the other order than the attributes
            // say (support vector machines); where every column is shown, that is what they are.
            if codes.source == .classifier, let shown, shown.count == width, Set(shown.values) == Set(codes.classes) {
                let columns = Self.filled(shown, width: width)
                return ClassColumns(classes: columns, source: columns == codes.classes ? .classifier : .answers)
            }
            said = ClassColumns(classes: codes.classes, source: codes.source)
        } else if let shown, facts.labels.isSubset(of: shown.values) {
            return ClassColumns(classes: Self.filled(shown, width: width), source: .answers)
        } else if facts.areNumbered(below: width), predicted.allSatisfy({ $0.isNumber(below: width) }) {
            said = ClassColumns(classes: (0..<width).map(ClassLabel.number), source: .numbers)
        } else {
            said = nil
        }
        guard let said else { throw unmatched(width) }
        if let shown, shown.count > 1, shown.contains(where: { said.classes[$0.key] != $0.value }) {
            throw EvaluationFailure(
                .shapeMismatch,
                "the best columns of the scores and the model's own list of classes tell others than its columns stand "
                    + "for (\(ClassLabel.summary(said.classes)))",
                remedy: ClassFacts.remedy)
        }
        guard facts.labels.isSubset(of: said.classes) else { throw unknownLabel(said.classes) }
        return said
    }

    private func namedColumns(
        _ named: [ClassLabel], width: Int, _ codes: [ClassLabel]?
    ) throws(EvaluationFailure) -> ClassColumns {
        guard named.count == width else {
            throw EvaluationFailure(
                .shapeMismatch,
                "the dataset's array '\(LabelledData.classesName)' names \(named.count) classes and the model scores "
                    + "\(width)",
                remedy: ClassFacts.remedy)
        }
        if let codes, codes != named, Set(codes) == Set(named) {
            throw EvaluationFailure(
                .shapeMismatch,
                "the dataset's array '\(LabelledData.classesName)' has the classes in another order than the model, "
                    + "which says \(ClassLabel.summary(codes))",
                remedy: "save 'classes' in the order of the model's columns")
        }
        return ClassColumns(classes: named, source: .dataset)
    }

    /// What the model itself says that its columns stand for.
    private func codes(width: Int) -> ClassFacts.Codes? {
        if let keys { return .init(classes: keys, source: .keys) }
        if let classLabels, classLabels.count == width { return .init(classes: classLabels, source: .classLabels) }
        guard let scores = roles.scores else { return nil }
        return facts.classifierCodes(behind: scores.name, count: width).map { .init(classes: $0, source: .classifier) }
    }

    /// The class of each column that is the best one of some sample, if it is one and the same class for all of them
    /// and of no other column.
    private func shownColumns(_ rows: [Double], width: Int, _ predicted: [ClassLabel]) -> [Int: ClassLabel]? {
        var shown: [Int: ClassLabel] = [:]
        for (sample, label) in predicted.enumerated() {
            let row = rows[sample * width..<(sample + 1) * width]
            guard let largest = row.max(), let best = row.firstIndex(of: largest) else { return nil }
            let column = best - row.startIndex
            if let other = shown.updateValue(label, forKey: column), other != label { return nil }
        }
        return Set(shown.values).count == shown.count ? shown : nil
    }

    /// Columns that are never the best stand for classes that never occur.
    private static func filled(_ shown: [Int: ClassLabel], width: Int) -> [ClassLabel] {
        let taken = Set(shown.values)
        return (0..<width).map { column in
            if let label = shown[column] { return label }
            var name = "column \(column)"
            while taken.contains(.text(name)) { name += "'" }
            return .text(name)
        }
    }

    // MARK: Predictions

    /// The classes that a model's own list names, as the labels name them.
    func predictions(
        _ list: [ClassLabel], expected: [ClassLabel], width: Int
    ) throws(EvaluationFailure) -> [ClassLabel] {
        let answered = Set(list)
        let codes = try codes(of: answered, width: width)
        guard let named = facts.columns else {
            if let codes {
                guard facts.labels.isSubset(of: codes) else { throw unknownLabel(codes) }
            } else if !isSure(answered), !isShown(list, expected) {
                throw unmatched(answered)
            }
            return list
        }
        guard facts.labels.isSubset(of: named) else { throw unknownLabel(named) }
        if let codes, codes.count == named.count, Set(codes) != Set(named) {
            let meaning = Dictionary(zip(codes, named), uniquingKeysWith: { first, _ in first })
            return list.compactMap { meaning[$0] }
        }
        if answered.isSubset(of: named) { return list }
        // Positions, as an ArgMax answers them.
        guard answered.allSatisfy({ $0.isNumber(below: named.count) }) else { throw unmatched(answered) }
        return list.compactMap { if case .number(let position) = $0 { named[position] } else { nil } }
    }

    /// The classes that the model says that its list is of, all that are answered among them.
    private func codes(of answered: Set<ClassLabel>, width: Int) throws(EvaluationFailure) -> [ClassLabel]? {
        if let told = keys ?? classLabels {
            guard answered.isSubset(of: told) else {
                let odd = answered.subtracting(told).min().map(\.name) ?? ""
                throw EvaluationFailure(
                    .shapeMismatch,
                    "the model answers the class \(MessageText.quote(odd)) and says that its classes are "
                        + ClassLabel.summary(told),
                    remedy: "choose the output that is judged with --output, or as the policy's output")
            }
            return told
        }
        let behindScores = roles.scores.flatMap { facts.classifierCodes(behind: $0.name, count: width) }
        let told = behindScores ?? roles.list.flatMap { facts.classifierCodes(behind: $0.name) }
        return told.flatMap { answered.isSubset(of: $0) ? $0 : nil }
    }

    /// Whether classes that nobody says anything of are the labels' for sure.
    ///
    /// Texts cannot be shifted. Numbers can, by one that begins with 1 where the other begins with 0; so they are all
    /// among the labels, or both count from 0.
    private func isSure(_ answered: Set<ClassLabel>) -> Bool {
        let labels = facts.labels
        let areTexts = answered.allSatisfy { if case .text = $0 { true } else { false } }
        if areTexts { return !labels.isDisjoint(with: answered) }
        return answered.isSubset(of: labels) || facts.areNumbered && answered.allSatisfy { $0.isNumber(below: .max) }
    }

    /// Whether of the samples of every class the model answers this class most often: then its numbers are not shifted.
    private func isShown(_ list: [ClassLabel], _ expected: [ClassLabel]) -> Bool {
        var counts: [ClassLabel: [ClassLabel: Int]] = [:]
        for (answer, label) in zip(list, expected) { counts[label, default: [:]][answer, default: 0] += 1 }
        return counts.allSatisfy { label, answers in
            let own = answers[label] ?? 0
            return answers.allSatisfy { $0.key == label || $0.value < own }
        }
    }

    // MARK: What does not match

    private func unknownLabel(_ classes: [ClassLabel]) -> EvaluationFailure {
        let odd = facts.labels.subtracting(classes).min()?.name ?? ""
        return EvaluationFailure(
            .shapeMismatch,
            "a label is class \(MessageText.plain(odd, limit: MessageText.nameLengthMax)) and the model's classes are "
                + ClassLabel.summary(classes),
            remedy: ClassFacts.remedy)
    }

    private func unmatched(_ width: Int) -> EvaluationFailure {
        EvaluationFailure(
            .shapeMismatch,
            "nobody says which classes the \(width) columns of scores stand for, and the labels "
                + "\(ClassLabel.summary(facts.labels.sorted())) are not counted from 0 to \(width - 1)",
            remedy: ClassFacts.remedy)
    }

    private func unmatched(_ answered: Set<ClassLabel>) -> EvaluationFailure {
        let kinds = (answered.map(\.isText), facts.labels.map(\.isText))
        return EvaluationFailure(
            kinds.0.contains(where: kinds.1.contains) ? .shapeMismatch : .unsupportedType,
            "the model answers the classes \(ClassLabel.summary(answered.sorted())) and the labels are "
                + "\(ClassLabel.summary(facts.labels.sorted())): they cannot be matched for sure",
            remedy:
                "name the classes of the model in an array 'classes' of the dataset, in their order, or choose another "
                + "output with --output")
    }
}

extension ClassLabel {
    fileprivate var isText: Bool { if case .text = self { true } else { false } }

    /// Whether it is a number from 0 up to below a count.
    func isNumber(below count: Int) -> Bool {
        if case .number(let number) = self { 0 <= number && number < count } else { false }
    }

    /// A list of classes as a person reads it.
    static func summary(_ classes: [ClassLabel]) -> String {
        if classes.count > 1, classes == (0..<classes.count).map(ClassLabel.number) {
            return "0 to \(classes.count - 1)"
        }
        return MessageText.list(classes.map(\.name))
    }
}
