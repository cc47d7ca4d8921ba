/// A JSON value as it stands, for what is shown or compared whatever its form.
package indirect enum JSONTree: Sendable, Hashable, Decodable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONTree])
    case object([String: JSONTree])

    /// The tree of a value's JSON, its keys as they are written.
    package init(_ value: some Encodable) throws {
        self = try JSON.decodeVerbatim(JSONTree.self, from: try JSON.encode(value))
    }

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSONTree].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSONTree].self))
        }
    }

    /// The members of an object; none of anything else.
    package var members: [String: JSONTree] {
        if case .object(let members) = self { members } else { [:] }
    }

    /// A value without parts, as text; nil for a list or an object.
    package var scalar: String? {
        switch self {
        case .null: "null"
        case .flag(let flag): "\(flag)"
        case .number(let number): Self.text(of: number)
        case .text(let text): text
        case .list, .object: nil
        }
    }

    /// The shortest digits that give the same number again; whole numbers without a point.
    package static func text(of number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? Figure.fixed(number, 0) : "\(number)"
    }

    /// Every value without parts, by its path: `confusion_matrix[1][0]`.
    package func leaves(at path: String = "") -> [(path: String, value: JSONTree)] {
        switch self {
        case .list(let list): list.enumerated().flatMap { $0.element.leaves(at: "\(path)[\($0.offset)]") }
        case .object(let members):
            members.sorted { $0.key < $1.key }.flatMap {
                $0.value.leaves(at: path.isEmpty ? $0.key : "\(path).\($0.key)")
            }
        default: [(path, self)]
        }
    }
}
