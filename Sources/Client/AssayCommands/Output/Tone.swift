import AssayDomain

/// How something stands, as a colour tells it at a glance; the words beside it say the same.
enum Tone: Sendable {
    case good, bad, doubtful

    /// The tone of a word that says how something stands; nil for words that are neither good nor bad.
    init?(of word: String) {
        switch word {
        case "passed", "valid", "promoted", "measured": self = .good
        case "failed", "invalid", "inconclusive", "missing": self = .bad
        case "waived", "untrusted", "cancelled": self = .doubtful
        default:
            guard word.hasPrefix(Alias.notPromotedText) else { return nil }
            self = .doubtful
        }
    }

    /// A text in this colour (ECMA-48: SGR). The text has been escaped.
    func coloured(_ text: String) -> String {
        let code =
            switch self {
            case .good: "32"
            case .bad: "31"
            case .doubtful: "33"
            }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}

/// A piece of a line, which may have a tone.
struct ToneText: Sendable {
    let text: String
    let tone: Tone?

    init(_ text: String, _ tone: Tone? = nil) {
        self.text = text
        self.tone = tone
    }
}
