import EvaluationProtocol

/// Bounds of a share of which so many of so many samples were seen: exact, whatever their number (Clopper and Pearson,
/// 1934, Biometrika 26, 404-413). Each bound on its own holds with the confidence.
struct BinomialBounds {
    let count: Int
    let total: Int

    /// The bounds at all confidences that comparisons are given for.
    var all: [DifferenceBound] { PairedBootstrap.confidences.map(bound) }

    func bound(confidence: Double) -> DifferenceBound {
        let (x, n) = (Double(count), Double(total))
        let lower = count == 0 ? 0 : Self.place(where: 1 - confidence, a: x, b: n - x + 1)
        let upper = count == total ? 1 : Self.place(where: confidence, a: x + 1, b: n - x)
        return DifferenceBound(confidence: confidence, lower: lower, upper: upper)
    }

    /// The place at which the regularised incomplete beta function comes to a probability, by bisection.
    private static func place(where probability: Double, a: Double, b: Double) -> Double {
        var (low, high) = (0.0, 1.0)
        for _ in 0..<200 {
            let middle = (low + high) / 2
            guard middle > low, middle < high else { break }
            if incompleteBeta(middle, a, b) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The regularised incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated from the front by
    /// the modified method of Lentz.
    static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction runs fast below the mean; above it is that of the other tail.
        guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
        let front = exponential(
            logarithmOfGamma(a + b) - logarithmOfGamma(a) - logarithmOfGamma(b) + a * logarithm(x)
                + b * logarithm(1 - x))
        return front * fraction(x, a, b) / a
    }

    private static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / kept(1 - (a + b) * x / (a + 1))
        var result = d
        for step in 1...100_000 {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / kept(1 + even * d)
            c = kept(1 + even / c)
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / kept(1 + odd * d)
            c = kept(1 + odd / c)
            result *= d * c
            if abs(d * c - 1) < 1e-16 { break }
        }
        return result
    }
}
