extension Policy {
    /// The most figures that one policy bounds.
    private static let figuresMax = 256

    /// The name of each requirement on a figure that was measured elsewhere.
    var figureRequirements: [String] { (measured ?? [:]).keys.sorted().map(Self.figureRequirement) }

    private static func figureRequirement(_ name: String) -> String { "measured.\(Printable.escape(name))" }

    /// Throws `policy-invalid` for a bound that nothing could meet, or everything.
    func checkFigures() throws(AssayError) {
        for (name, demand) in measured ?? [:] {
            let place = "measured.\(Printable.escape(name, limit: 80))"
            let bounds = [demand.min, demand.max].compactMap(\.self)
            guard !bounds.isEmpty, bounds.allSatisfy({ $0.isFinite && abs($0) < KeyShape.exactMax }) else {
                throw AssayError(
                    .policyInvalid, "\(place) needs a finite min or max",
                    remedy: "write measured: {\(name): {min: 0.6}}")
            }
            guard demand.min ?? -.infinity <= demand.max ?? .infinity else {
                throw AssayError(.policyInvalid, "\(place) has a min above its max", remedy: "turn the two about")
            }
            guard demand.role != .log, demand.role != .registry else {
                throw AssayError(
                    .policyInvalid, "\(place) is demanded of nobody who could say it",
                    reason: demand.role == .log
                        ? "a log's key signs no statements" : "what a registry measures is bounded in metrics",
                    remedy: "use the role evaluation, training or release")
            }
            guard demand.keys.map({ !$0.isEmpty }) ?? true else {
                throw AssayError(
                    .policyInvalid, "\(place) is demanded of nobody: its list of keys is empty",
                    remedy: "name keys by their ids, or leave keys out")
            }
            guard demand.unit.map({ 1...MeasuredFigures.unitBytesMax ~= $0.utf8.count }) ?? true else {
                throw AssayError(
                    .policyInvalid, "\(place) has a unit that no figure has", remedy: "leave it out, or name the unit")
            }
            if let dataset = demand.dataset, case .tag(.alias) = dataset.selector {
                throw AssayError(
                    .policyInvalid, "the dataset \(dataset) of \(place) can move",
                    reason: "whoever moved it would change the policy", remedy: "name it by number or digest")
            }
        }
    }

    /// Throws `policy-invalid` for names that no figure has, and for too many of them.
    func checkFigureNames() throws(AssayError) {
        guard (measured ?? [:]).count <= Self.figuresMax else {
            throw AssayError(
                .policyInvalid, "measured bounds over \(Self.figuresMax) figures", remedy: "bound those that decide")
        }
        for name in (measured ?? [:]).keys.sorted() {
            guard let fault = MeasuredFigures.nameFault(name) else { continue }
            throw AssayError(
                .policyInvalid, "measured has a name that \(fault): \(Printable.quote(name, limit: 80))",
                remedy: "write it as the signed figures do: assay attestations REF --show metrics")
        }
    }

    /// The data that `measured` names, each once.
    package var figureDatasets: Set<Reference> { Set((measured ?? [:]).values.compactMap(\.dataset)) }

    /// The first moment at which a statement is too old for a figure that is bounded by age; nil if there is none.
    package func figuresEnd(_ evidence: Evidence, after now: Timestamp) -> Timestamp? {
        let ages = (measured ?? [:]).values.compactMap(\.maxAge)
        let times = evidence.statements.filter { $0.predicateType == PredicateType.figures }.compactMap(\.recordedAt)
        return ages.flatMap { age in
            times.map { Timestamp(milliseconds: age.end(of: $0).milliseconds &+ 1) }
        }.filter { $0 > now }.min()
    }

    // MARK: Deciding

    /// One line per figure, of the newest statement that speaks of it: in the order of the log, by a key that the
    /// demand allows, on the data that it names. What such a key said before is no evidence any more, better or worse,
    /// and one that cannot be read is a no: it could have taken the figure back.
    func figureOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let measured, !measured.isEmpty else { return [] }
        let told = evidence.statements.filter { $0.predicateType == PredicateType.figures && $0.role != .registry }
            .map { ToldFigures(statement: $0, figures: try? MeasuredFigures.parse($0.predicate)) }
        return measured.sorted { $0.key < $1.key }.map { name, demand in
            let found = demand.judge(name, told, evidence)
            return RequirementOutcome(
                requirement: Self.figureRequirement(name), demanded: demand.text, measured: found.text,
                status: found.status)
        }
    }

    /// A statement of figures; nil figures if they cannot be read.
    fileprivate struct ToldFigures {
        let statement: Evidence.Statement
        let figures: MeasuredFigures?

        var by: String { "key \(statement.signer.prefix(12))" }
        func value(_ name: String) -> MeasuredFigures.Value? {
            figures?.metrics.first { $0.key.utf8.elementsEqual(name.utf8) }?.value
        }
    }
}

extension Policy.FigureDemand {
    fileprivate typealias Finding = (text: String, status: RequirementOutcome.Status)

    fileprivate var text: String {
        let unit = unit.map { " \(Printable.escape($0))" } ?? ""
        let by =
            keys.map { "by one of \($0.count) named keys" } ?? role.map { "by a trusted \($0.rawValue) key" }
            ?? "by a trusted key"
        return [
            min.map { "at least \(JSONTree.text(of: $0))\(unit)" },
            max.map { "at most \(JSONTree.text(of: $0))\(unit)" }, by,
            dataset.map { "on \($0)" }, maxAge.map { "at most \($0) old" },
        ].compactMap(\.self).joined(separator: ", ")
    }

    private func isBy(_ statement: Evidence.Statement) -> Bool {
        (role.map { $0 == statement.role } ?? true) && (keys.map { $0.contains(statement.signer) } ?? true)
    }

    fileprivate func judge(_ name: String, _ told: [Policy.ToldFigures], _ evidence: Evidence) -> Finding {
        let allowed = told.filter { isBy($0.statement) }
        let data = dataset.map { evidence.figureDatasets[$0] }
        let counted = allowed.last { item in
            guard let figures = item.figures else { return true }
            return item.value(name) != nil && data.map { $0 == figures.dataset.digest } ?? true
        }
        guard let counted else { return absence(of: name, told, allowed, evidence) }
        guard let figures = counted.figures, let value = counted.value(name) else {
            return ("the newest statement, by \(counted.by), cannot be read", .failed)
        }
        let text = "\(value.text), \(counted.by), on \(figures.dataset.digest.short)"
        if let unit, !(value.unit.map { $0.utf8.elementsEqual(unit.utf8) } ?? false) {
            return ("\(text): not in \(Printable.escape(unit))", .failed)
        }
        if let maxAge {
            guard let recorded = counted.statement.recordedAt, let now = evidence.time else {
                return ("\(text): nobody knows how old", .failed)
            }
            guard now <= maxAge.end(of: recorded) else { return ("\(text): too old, of \(recorded)", .failed) }
        }
        let isMet = value.value >= min ?? -.infinity && value.value <= max ?? .infinity
        return (text, isMet ? .passed : .failed)
    }

    /// Why no statement counts.
    private func absence(
        of name: String, _ told: [Policy.ToldFigures], _ allowed: [Policy.ToldFigures], _ evidence: Evidence
    ) -> Finding {
        if let dataset, evidence.figureDatasets[dataset] == nil {
            return ("the dataset \(dataset) is not here", .missing)
        }
        if let other = allowed.last(where: { $0.value(name) != nil }), let data = other.figures?.dataset {
            let label = Printable.escape(data.name, limit: 80)
            return ("measured on \(label) (\(data.digest.short)), \(other.by): not on the demanded data", .failed)
        }
        if let other = told.last(where: { $0.value(name) != nil }) {
            return ("told by \(other.by), a \(other.statement.role.rawValue) key: none of the demanded ones", .failed)
        }
        for item in evidence.uncounted.reversed() {
            // What cannot be read tells nothing.
            guard let figures = try? MeasuredFigures.parse(item.predicate), figures.metrics[name] != nil else {
                continue
            }
            return ("told by key \(item.signer.prefix(12)), which \(item.reason)", .missing)
        }
        let names = Set(allowed.flatMap { $0.figures.map { Array($0.metrics.keys) } ?? [] }).sorted()
        guard !names.isEmpty else { return ("none by a trusted key", .missing) }
        let near = Suggestion.nearest(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""
        return ("not among the \(names.count) figures that are signed\(near)", .missing)
    }
}
