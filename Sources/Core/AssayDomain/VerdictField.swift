/// What Assay adds to a verification summary: fields whose names are URIs, as in-toto has it for extensions.
///
/// Verdicts of earlier releases have names without one, and their `resourceUri` is a plain reference; both are read.
package enum VerdictField: String, CodingKey, CaseIterable {
    case alias = "urn:assay:verdict:alias"
    case outcomes = "urn:assay:verdict:outcomes"
    case rollback = "urn:assay:verdict:rollback"
    case formerAlias = "assay_alias"
    case formerOutcomes = "assay_outcomes"
    case formerRollback = "assay_rollback"

    /// The name that the field has in the other form.
    private var counterpart: VerdictField {
        switch self {
        case .alias: .formerAlias
        case .outcomes: .formerOutcomes
        case .rollback: .formerRollback
        case .formerAlias: .alias
        case .formerOutcomes: .outcomes
        case .formerRollback: .rollback
        }
    }

    /// Every name that a field of a verdict may stand under; a field of the standard has one.
    static func names(of name: String) -> [String] {
        let field = allCases.first { $0.rawValue.isExactly(name) }
        return [name] + (field.map { [$0.counterpart.rawValue] } ?? [])
    }

    /// The value of a field in whichever form; nil if it is not there. One that stands in both is no verdict.
    package func value<Value: Decodable>(
        _ type: Value.Type, in container: KeyedDecodingContainer<VerdictField>
    ) throws -> Value? {
        guard container.contains(self) else { return try container.decodeIfPresent(type, forKey: counterpart) }
        guard !container.contains(counterpart) else {
            throw DecodingError.dataCorruptedError(
                forKey: self, in: container, debugDescription: "the field stands there twice")
        }
        return try container.decode(type, forKey: self)
    }

    /// As `value`; throws where the field is not there.
    package func required<Value: Decodable>(
        _ type: Value.Type, in container: KeyedDecodingContainer<VerdictField>
    ) throws -> Value {
        if let value = try value(type, in: container) { return value }
        throw DecodingError.keyNotFound(
            self, .init(codingPath: container.codingPath, debugDescription: "the field is missing"))
    }

    // MARK: The version

    private static let versionPrefix = "urn:assay:version:"

    /// The `resourceUri` of a version.
    package static func resource(_ version: Reference) -> String { versionPrefix + version.description }

    /// The version that a `resourceUri` names, in whichever form; nil if it names something else.
    package static func version(ofResource text: String) -> Reference? {
        let name = text.hasPrefix(versionPrefix) ? text.dropFirst(versionPrefix.count) : text[...]
        return try? Reference(parsing: name)
    }
}
