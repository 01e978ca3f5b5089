"""Pictures of the graph: SVG for a document, a self-contained page to look around in, DOT for Graphviz.

layout -> who stands where, large fabrics with pods and groups as one box each; svg, page and dot -> how that is written.
"""
