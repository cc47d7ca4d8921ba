import AssayBundle
import AssayDomain

/// What rules of record keeping ask for, held against what a dossier has.
///
/// The fields are those of Regulation (EU) 2024/1689 (Annex IV, articles 12, 14, 18, 19 and 72) and of model risk
/// rules. What no part of a registry can tell is listed as missing, and not left out.
struct RecordKeeping {
    /// What a version has of a field.
    private enum Found {
        case nothing
        case present
        /// By keys of these ids.
        case signed([String])
    }

    private let making: DossierMaking
    private let holders: [DossierMaking.Subject]

    init(_ making: DossierMaking) {
        self.making = making
        holders = making.subjects.filter(\.isHolder)
    }

    var rows: [Dossier.RecordRow] {
        purposeRows + developmentRows + validationRows + lifecycleRows
    }

    // MARK: Fields

    private var purposeRows: [Dossier.RecordRow] {
        [
            row("purpose", "Annex IV 1(a)", "what the model is for") { subject in
                signed(provenance(subject) { $0.metadata.description != nil })
            },
            nobody("provider", "Annex IV 1(a)", "who provides the model"),
            row("version", "Annex IV 1(a)", "the version, by content and in its order") { _ in .present },
            row("software", "Annex IV 1(c)", "versions of the software it was measured with") { subject in
                signed(reports(subject) { $0.environment != nil })
            },
            nobody("hardware", "Annex IV 1(e)", "the hardware it is meant for"),
        ]
    }

    private var developmentRows: [Dossier.RecordRow] {
        [
            row("development", "Annex IV 2(a)", "how it was made") { signed(provenance($0) { _ in true }) },
            row("origin", "Annex IV 2(a)", "what it was made from, and pretrained parts of others") { subject in
                signed(provenance(subject) { !$0.sources.isEmpty })
            },
            nobody("resources", "Annex IV 2(c)", "the computing resources that were used"),
            row("components", "Annex IV 2(c)", "what it consists of, as a bill of materials") { subject in
                signed(evidence(subject, of: PredicateType.bill, isOfRegistry: true))
            },
            row("training-data", "Annex IV 2(d)", "the data it was trained on, by content") { subject in
                signed(provenance(subject) { $0.sources.contains { $0.relation == .trainedOn } })
            },
            nobody("data-sheet", "Annex IV 2(d)", "how data was chosen, labelled and cleaned"),
            changesRow,
        ]
    }

    private var validationRows: [Dossier.RecordRow] {
        [
            row("validation", "Annex IV 2(g)", "reports of tests, dated and signed") { subject in
                signed(reports(subject) { $0.measurements != nil && $0.failure == nil })
            },
            row("decision", "Annex IV 2(g)", "a decision on the tests, dated and signed") { subject in
                signed(passed(subject))
            },
            row("files-signed", "Annex IV 2(g)", "the files, signed by who released them") { subject in
                signed(releases(subject))
            },
            row("separation", "model risk rules", "tests by others than who released it") { subject in
                let testers = Set(reports(subject) { $0.failure == nil }.compactMap(\.signer))
                let builders = Set(releases(subject).compactMap(\.signer))
                return !testers.isEmpty && !builders.isEmpty && testers.isDisjoint(with: builders)
                    ? .signed(testers.sorted()) : .nothing
            },
            row("groups", "Annex IV 3", "accuracy for groups of people or cases") { subject in
                signed(reports(subject) { !($0.measurements?.slices ?? [:]).isEmpty })
            },
            nobody("metric-reasons", "Annex IV 4", "why these metrics are the right ones"),
        ]
    }

    private var lifecycleRows: [Dossier.RecordRow] {
        [
            row("changes", "Annex IV 6", "every change of what the alias pointed to") { _ in .present },
            nobody("monitoring", "Annex IV 9, article 72", "a plan for watching it in use"),
            row("events", "article 12", "a log of events that nobody can change") { _ in .present },
            nobody("deployment", "article 12", "which version was in use where and when"),
            nobody("oversight", "article 14", "the approval of a named person"),
            nobody("retention", "articles 18 and 19", "a rule how long all this is kept"),
        ]
    }

    /// A policy says beforehand what a next version must keep to.
    private var changesRow: Dossier.RecordRow {
        row("predetermined-changes", "Annex IV 2(f)", "what a change must keep to, fixed beforehand") { subject in
            let moves = making.log.moves.filter { $0.entry.number(.to) == subject.number }
            return moves.allSatisfy { making.log.policy(before: $0.index) != nil } ? .present : .nothing
        }
    }

    // MARK: What is there

    private func evidence(
        _ subject: DossierMaking.Subject, of type: String, isOfRegistry: Bool
    ) -> [DossierEvidence] {
        subject.evidence.filter { $0.isValid && $0.type == type && (!isOfRegistry || $0.isOfRegistry) }
    }

    private func releases(_ subject: DossierMaking.Subject) -> [DossierEvidence] {
        evidence(subject, of: PredicateType.modelSignature, isOfRegistry: false)
    }

    private func provenance(
        _ subject: DossierMaking.Subject, where isMeant: (Provenance) -> Bool
    ) -> [DossierEvidence] {
        subject.provenance.filter { isMeant($0.content) }.map(\.evidence)
    }

    private func reports(
        _ subject: DossierMaking.Subject, where isMeant: (VerificationReport) -> Bool
    ) -> [DossierEvidence] {
        evidence(subject, of: PredicateType.verificationReport, isOfRegistry: true).filter { evidence in
            guard let statement = evidence.statement,
                let report = try? JSON.decode(VerificationReport.self, from: statement.predicate)  // Else it is none.
            else { return false }
            return isMeant(report)
        }
    }

    private func passed(_ subject: DossierMaking.Subject) -> [DossierEvidence] {
        making.decisions.filter { evidence, verdict in
            evidence.isOfRegistry && verdict.number(on: making.log.scope) == subject.number
                && evidence.result == .passed
        }.map(\.evidence)
    }

    private func signed(_ evidence: [DossierEvidence]) -> Found {
        evidence.isEmpty ? .nothing : .signed(evidence.compactMap(\.signer))
    }

    // MARK: Rows

    /// A field that nothing in a registry tells yet.
    private func nobody(_ id: String, _ rule: String, _ asks: String) -> Dossier.RecordRow {
        row(id, rule, asks) { _ in .nothing }
    }

    private func row(
        _ id: String, _ rule: String, _ asks: String, _ look: (DossierMaking.Subject) -> Found
    ) -> Dossier.RecordRow {
        var (missing, keys): ([Int64], Set<String>) = ([], [])
        for subject in holders {
            switch look(subject) {
            case .nothing: missing.append(subject.number)
            case .present: break
            case .signed(let signers): keys.formUnion(signers)
            }
        }
        let isThere = missing.isEmpty && !holders.isEmpty
        let names = Set(making.root.keys.filter { keys.contains($0.id) }.map(\.name)).sorted()
        return Dossier.RecordRow(
            id: id, rule: rule, asks: asks, status: isThere ? (keys.isEmpty ? .present : .signedBy) : .missing,
            by: names, missingIn: missing)
    }
}
