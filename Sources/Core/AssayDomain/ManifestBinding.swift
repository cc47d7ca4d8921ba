/// What ties a manifest, and so everything that a client takes out of it, to the files that were signed and measured.
///
/// A model signature is over files alone. A manifest can say more than its files: another config, another type, names
/// that one client reads and another does not. So a promotion, and whoever pulls with a trust root, demands that the
/// manifest can say nothing else, or that a release key signed that it is meant. Rules: docs/formats/model-package.md.
package enum ManifestBinding: Sendable, Hashable {
    /// Its bytes are what this program writes for its files, in a version of its form.
    case plain(form: Int)
    /// Release keys, by their ids, signed the manifest's digest together with the list of its files.
    case signed(by: [String])
    /// Neither.
    case unbound
    /// Clients could take other files out of it, or take them elsewhere; why.
    case ambiguous(String)

    /// How people are told.
    package var text: String {
        switch self {
        case .plain(let form): "plain form \(form)"
        case .signed(let keys): "signed, key \(keys.first?.prefix(12) ?? "")"
        case .unbound: "not signed with its files"
        case .ambiguous(let reason): "ambiguous: \(reason)"
        }
    }

    /// Whether it is tied to its files at all, by whomever.
    package var isBound: Bool {
        switch self {
        case .plain, .signed: true
        case .unbound, .ambiguous: false
        }
    }
}

extension ManifestBinding: Encodable {
    private enum CodingKeys: String, CodingKey {
        case state, form, keys, reason
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .plain(let form):
            try container.encode("plain", forKey: .state)
            try container.encode(form, forKey: .form)
        case .signed(let keys):
            try container.encode("signed", forKey: .state)
            try container.encode(keys, forKey: .keys)
        case .unbound: try container.encode("unbound", forKey: .state)
        case .ambiguous(let reason):
            try container.encode("ambiguous", forKey: .state)
            try container.encode(reason, forKey: .reason)
        }
    }
}
