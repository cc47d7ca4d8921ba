/// Finds the word that someone probably meant.
package enum Suggestion {
    /// The nearest of some words, if it is near enough to be worth naming.
    package static func nearest(to word: String, among words: [String]) -> String? {
        let scored = words.map { (word: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }
        guard let best = scored.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else { return nil }
        return best.distance <= max(2, word.utf8.count / 3) && best.distance < word.utf8.count ? best.word : nil
    }

    /// The edits, swaps of neighbours among them, that turn one word into the other; words beyond a limit are far away.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        let lengthMax = 64
        guard left.count <= lengthMax, right.count <= lengthMax else { return .max }
        var rows = [Array(0...right.count)]
        for (i, a) in left.enumerated() {
            var row = [i + 1]
            for (j, b) in right.enumerated() {
                var cost = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (a == b ? 0 : 1))
                if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { cost = min(cost, rows[i - 1][j - 1] + 1) }
                row.append(cost)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
